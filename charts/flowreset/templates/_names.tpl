{{/* Labels of every object; takes (dict "root" $ "component" "operator" "more" LABELS). Each once, and ours before those of the values. */}}
{{- define "flowreset.labels" -}}
{{- $chart := printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" -}}
{{- $own := dict "helm.sh/chart" $chart "app.kubernetes.io/version" .root.Chart.AppVersion "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- toYaml (merge (include "flowreset.selector" . | fromYaml) $own (.more | default dict) (.root.Values.commonLabels | default dict)) -}}
{{- end }}

{{/* The labels that selectors use: they never change, since a Deployment's selector cannot. */}}
{{- define "flowreset.selector" -}}
app.kubernetes.io/name: flowreset
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* The image by digest where one is given: then the tag is only words. */}}
{{- define "flowreset.image" -}}
{{- $image := .Values.image -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end }}

{{/* The spec of the default fleet: what the values say, and the image's ways where the fleet names none of its own. */}}
{{- define "flowreset.fleetSpec" -}}
{{- $spec := deepCopy (.Values.fleet.spec | default dict) -}}
{{- if ne .Values.image.pullPolicy "IfNotPresent" }}{{- $spec = merge $spec (dict "imagePullPolicy" .Values.image.pullPolicy) }}{{ end -}}
{{- with .Values.image.pullSecrets }}{{- $spec = merge $spec (dict "imagePullSecrets" .) }}{{ end -}}
{{- with .Values.priorityClass }}{{- if .create }}{{- $spec = merge $spec (dict "priorityClassName" .name) }}{{ end }}{{ end -}}
{{- toJson $spec -}}
{{- end }}

{{/* Where the operator may run, and whoever tests it. */}}
{{- define "flowreset.operatorNodes" -}}
{{- toYaml (merge (dict "kubernetes.io/os" "linux") (.Values.operator.nodeSelector | default dict)) -}}
{{- end }}

{{/* The system's own class, unless there is one for clusters that keep it to kube-system. */}}
{{- define "flowreset.operatorPriority" -}}
{{- .Values.operator.priorityClassName | default (ternary .Values.priorityClass.name "system-cluster-critical" .Values.priorityClass.create) -}}
{{- end }}

{{/* A processor that the image is built for, whatever else is asked; replicas apart where nothing else is. */}}
{{- define "flowreset.operatorAffinity" -}}
{{- $given := deepCopy (.Values.operator.affinity | default dict) -}}
{{- $processors := dict "matchExpressions" (list (dict "key" "kubernetes.io/arch" "operator" "In" "values" (list "amd64" "arm64"))) -}}
{{- $node := dict "requiredDuringSchedulingIgnoredDuringExecution" (dict "nodeSelectorTerms" (list $processors)) -}}
{{- if not $given -}}
{{- $labels := include "flowreset.selector" (dict "root" $ "component" "operator") | fromYaml -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" $labels) -}}
{{- /* Wished for, not asked for: a cluster of one node has an operator too. */ -}}
{{- $given = dict "podAntiAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $term))) -}}
{{- end -}}
{{- toYaml (merge $given (dict "nodeAffinity" $node)) -}}
{{- end }}
