{{- define "mi.labels" -}}
app.kubernetes.io/name: micro-integrator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
