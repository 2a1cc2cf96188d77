{{- define "mlferry.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Takes the chart's context and a component: server or artifacts. */}}
{{- define "mlferry.selector" -}}
app.kubernetes.io/name: {{ default .context.Chart.Name .context.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .context.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "mlferry.labels" -}}
{{ include "mlferry.selector" . }}
app.kubernetes.io/version: {{ .context.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .context.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .context.Chart.Name .context.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "mlferry.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "mlferry.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Whether anything is kept on the volume: records without a database, or artifacts without a store. */}}
{{- define "mlferry.needsVolume" -}}
{{- if or (not .Values.database.existingSecret) (not .Values.artifacts.destination) -}}true{{- end -}}
{{- end -}}

{{/* Whether the server asks who comes. */}}
{{- define "mlferry.hasUsers" -}}
{{- if contains "--app-name" (join " " .Values.extraArgs) -}}true{{- end -}}
{{- end -}}

{{/* Refuses what would lose data, or serve nobody. */}}
{{- define "mlferry.check" -}}
{{- if and (include "mlferry.needsVolume" .) (gt (int .Values.replicaCount) 1) -}}
{{- fail "replicaCount above 1 needs database.existingSecret (PostgreSQL) and artifacts.destination (an object store): replicas share no disk" -}}
{{- end -}}
{{- if and .Values.artifacts.separateServer.enabled (not .Values.artifacts.destination) -}}
{{- fail "artifacts.separateServer.enabled needs artifacts.destination, such as s3://bucket/folder" -}}
{{- end -}}
{{- if and .Values.artifacts.separateServer.enabled (include "mlferry.hasUsers" .) -}}
{{- fail "extraArgs with --app-name needs artifacts.separateServer.enabled=false: files on a separate server would be for operators alone" -}}
{{- end -}}
{{- end -}}

{{- define "mlferry.artifactsUrl" -}}
{{- default (printf "http://%s-artifacts:5500" (include "mlferry.fullname" .)) .Values.artifacts.separateServer.url | trimSuffix "/" -}}
{{- end -}}

{{- define "mlferry.allowedHosts" -}}
{{- $context := .context -}}
{{- $name := include "mlferry.fullname" $context -}}
{{- if eq .component "artifacts" }}{{ $name = printf "%s-artifacts" $name }}{{ end -}}
{{- $hosts := list "localhost:*" "127.0.0.1:*" (printf "%s:*" $name) (printf "%s.%s:*" $name $context.Release.Namespace) (printf "%s.%s.svc:*" $name $context.Release.Namespace) (printf "%s.%s.svc.cluster.local:*" $name $context.Release.Namespace) -}}
{{- if $context.Values.ingress.enabled }}{{ $hosts = append $hosts (printf "%s:*" $context.Values.ingress.host) }}{{ end -}}
{{- join "," (concat $hosts $context.Values.allowedHosts) -}}
{{- end -}}

{{/* A pod of one component: server or artifacts. */}}
{{- define "mlferry.pod" -}}
{{- $context := .context -}}
{{- $values := .context.Values -}}
{{- $isSeparate := $values.artifacts.separateServer.enabled -}}
{{- $isServer := eq .component "server" -}}
{{- $port := ternary 5000 5500 $isServer -}}
metadata:
  labels:
    {{- include "mlferry.selector" . | nindent 4 }}
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "mlferry.serviceAccount" $context }}
  automountServiceAccountToken: false
  # Kubernetes would set MLFLOW_PORT for a service that is named mlflow.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ add $values.drainSeconds $values.shutdownGraceSeconds 15 }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: mlferry
      image: "{{ $values.image.repository }}:{{ default $context.Chart.AppVersion $values.image.tag }}"
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args:
        - server
        {{- if not $isServer }}
        - --artifacts-only
        {{- else if $isSeparate }}
        - --no-serve-artifacts
        - --default-artifact-root={{ include "mlferry.artifactsUrl" $context }}/api/2.0/mlflow-artifacts/artifacts/experiments
        {{- end }}
        {{- with $values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      env:
        - name: MLFLOW_HOST
          value: "0.0.0.0"
        - name: MLFLOW_PORT
          value: {{ $port | quote }}
        - name: MLFLOW_SERVER_ALLOWED_HOSTS
          value: {{ include "mlferry.allowedHosts" . | quote }}
        - name: MLFERRY_SHUTDOWN_GRACE
          value: "{{ $values.shutdownGraceSeconds }}s"
        {{- if and $isServer $values.database.existingSecret }}
        - name: MLFLOW_BACKEND_STORE_URI
          valueFrom:
            secretKeyRef:
              name: {{ $values.database.existingSecret }}
              key: {{ $values.database.key }}
        {{- end }}
        {{- if and $values.artifacts.destination (or (not $isServer) (not $isSeparate)) }}
        - name: MLFLOW_ARTIFACTS_DESTINATION
          value: {{ $values.artifacts.destination | quote }}
        {{- end }}
        {{- range $name, $value := $values.env }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
      {{- $hasSecret := and $values.artifacts.existingSecret (or (not $isServer) (not $isSeparate)) }}
      {{- if or $hasSecret $values.envFrom }}
      envFrom:
        {{- if $hasSecret }}
        - secretRef:
            name: {{ $values.artifacts.existingSecret }}
        {{- end }}
        {{- with $values.envFrom }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      ports:
        - name: http
          containerPort: {{ $port }}
      startupProbe:
        httpGet:
          path: /health
          port: http
        periodSeconds: 1
        failureThreshold: 60
      livenessProbe:
        httpGet:
          path: /health
          port: http
        timeoutSeconds: 5
      readinessProbe:
        httpGet:
          path: /ready
          port: http
        periodSeconds: 5
        timeoutSeconds: 5
      lifecycle:
        preStop:
          sleep:
            seconds: {{ $values.drainSeconds }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      {{- $hasData := and $isServer (include "mlferry.needsVolume" $context) }}
      {{- if or $hasData $values.extraVolumeMounts }}
      volumeMounts:
        {{- if $hasData }}
        - name: data
          mountPath: /data
        {{- end }}
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
  {{- if or $hasData $values.extraVolumes }}
  volumes:
    {{- if $hasData }}
    - name: data
      {{- if $values.persistence.enabled }}
      persistentVolumeClaim:
        claimName: {{ default (include "mlferry.fullname" $context) $values.persistence.existingClaim }}
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- end }}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
