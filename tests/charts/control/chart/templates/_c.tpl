{{ define "t" -}} <{{ . }}> {{- end -}}
{{ define "all" }}{{- $x := 1 }}{{ range $i, $e := .Values.list }}{{ $x = add $x $i }}{{ if eq $e "b" }}{{ continue }}{{ end }}
- {{ $i }}: {{ $e }} {{ template "t" $e }}{{ else }}none{{ end }}
x: {{ $x }}
{{ range $k, $v := .Values.map }}{{ $k }}{{ $v }} {{ break }}{{ end }}
{{ with .Values.empty }}full{{ else with .Values.map }}{{ .a }}{{ else }}empty{{ end }}
{{ if and .Values.list (not .Values.flag) }}yes{{ else if .Values.flag }}flag{{ else }}no{{ end }}
{{ block "b" .Values.map }}{{ .z }}{{ end }} {{ range 3 }}{{ . }}{{ end }} {{ range until 2 }}{{ . }}{{ end }}
raw: {{ `{{ raw }}` }} {{ "a\tb" }} {{ 'c' }} {{ 0x1F }} {{ 1e3 }} {{ 1_000 }} {{ default "nil" nil }}
tpl: {{ tpl .Values.text . | indent 2 }}
pipes: {{ .Values.list | first | upper | printf "%s-%s" "x" | quote }} {{ (index .Values.list 1) }} {{ len .Values.map }}
no value: {{ .Values.missing }} {{ .Values.missing | quote }} {{ (.Values.missing).x }} {{ include "t" .Values.missing }}
{{ end }}