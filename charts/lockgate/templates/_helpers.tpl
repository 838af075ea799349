{{- /* The name of everything; no longer than a label may be. */ -}}
{{- define "lockgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "lockgate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "lockgate.selector" -}}
app.kubernetes.io/name: {{ include "lockgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "lockgate.labels" -}}
{{ include "lockgate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "lockgate.image" -}}
{{- .Values.image | default (printf "lockgate:%s" .Chart.AppVersion) -}}
{{- end -}}

{{- define "lockgate.account" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "lockgate.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "lockgate.claim" -}}
{{- default (printf "%s-state" (include "lockgate.fullname" .)) .Values.persistence.existingClaim -}}
{{- end -}}

{{- /* server.kdl: where it listens, what it keeps going, and who may do what. */ -}}
{{- define "lockgate.config" -}}
listen "0.0.0.0:8080"
{{- with .Values.url }}
url {{ . | quote }}
{{- end }}
{{- range $name, $pipeline := .Values.pipelines }}
{{- if $pipeline.git }}
pipeline {{ default "lockgate.kdl" $pipeline.path | quote }} git={{ $pipeline.git | quote }} branch={{ default "main" $pipeline.branch | quote }}
{{- with $pipeline.credentials }} credentials={{ . | quote }}{{ end }}
{{- with $pipeline.poll }} poll={{ . | quote }}{{ end }}
{{- else }}
pipeline {{ printf "/etc/lockgate/pipelines/%s.kdl" $name | quote }}
{{- end }}
{{- end }}
{{- range $name, $user := .Values.users }}
user {{ $name | quote }} role={{ default "viewer" $user.role | quote }} {
{{- with $user.groups }}
    groups{{ range . }} {{ . | quote }}{{ end }}
{{- end }}
{{- with $user.also }}
    also{{ range . }} {{ . | quote }}{{ end }}
{{- end }}
{{- range $user.tokens }}
    token {{ . | quote }}
{{- end }}
}
{{- end }}
{{- range $role, $groups := .Values.grants }}
{{- if $groups }}
grant {{ $role | quote }}{{ range $groups }} {{ . | quote }}{{ end }}
{{- end }}
{{- end }}
{{- with .Values.config }}
{{ . | trim }}
{{- end }}
{{- end -}}

{{- /* What it takes to deploy the usual objects of a chart, to wait for them, and to tell why they fail. */ -}}
{{- define "lockgate.rules" -}}
- apiGroups: [""]
  resources: [configmaps, endpoints, persistentvolumeclaims, pods, secrets, serviceaccounts, services]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [""]
  resources: [events, pods/log]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
- apiGroups: [apps]
  resources: [daemonsets, deployments, replicasets, statefulsets]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [batch]
  resources: [cronjobs, jobs]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, update, patch, delete]
{{- with .Values.rbac.rules }}
{{ toYaml . }}
{{- end }}
{{- end -}}
