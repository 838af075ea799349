#!/usr/bin/env bash
# Sets the stage for this example on one machine: repositories over HTTP, a chart repository, a base image in the registry, and
# a kubeconfig with the contexts dev, staging and prod. It asks for the test cluster to be up.
#
#   stage.sh up             set it (again: what is there is made anew)
#   stage.sh env            print the exports that `lockgate` needs
#   stage.sh base RELEASE   push another base image under the same tag
#   stage.sh commit REPO MESSAGE   commit what was changed in .stage/REPO (mi-app, mi-config) and publish it
#   stage.sh down           stop the web server, delete the namespaces and the stage
#
# STAGE is the folder of the stage (.stage), STAGE_PORT the web server's port (8418), STAGE_PREFIX stands before the names of
# namespaces and repositories, so that several stages can share a cluster.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
stage=${STAGE:-$here/.stage}
port=${STAGE_PORT:-8418}
prefix=${STAGE_PREFIX:-}
registry=${REGISTRY:-127.0.0.1:5000}
busybox=/bin/busybox

say() { printf 'stage: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
git_() { git -c user.name="${GIT_USER:-Dana Developer}" -c user.email="${GIT_EMAIL:-dana@example.com}" -c init.defaultBranch=main "$@"; }

repository() { # repository NAME FROM: a bare repository that is served, and a clone to work in
    local bare=$stage/repos/$1.git work=$stage/$1
    git_ init -q --bare "$bare"
    git -C "$bare" config uploadpack.allowAnySHA1InWant true
    git_ clone -q "$bare" "$work" 2>/dev/null
    cp -R "$2/." "$work"
    commit "$1" "The beginning"
}

commit() { # commit REPO MESSAGE
    git_ -C "$stage/$1" add -A
    git_ -C "$stage/$1" commit -q -m "$2"
    git_ -C "$stage/$1" push -q origin HEAD:main
    git -C "$stage/$1" rev-parse --short HEAD
}

charts() { # the chart repository: the archive and its index
    local folder=$stage/www/charts version archive
    version=$(sed -n 's/^version: //p' "$here/stage/chart/micro-integrator/Chart.yaml")
    archive=micro-integrator-$version.tgz
    mkdir -p "$folder"
    tar -C "$here/stage/chart" --owner=0 --group=0 --mtime=@0 --sort=name -czf "$folder/$archive" micro-integrator
    cat >"$folder/index.yaml" <<YAML
apiVersion: v1
entries:
  micro-integrator:
    - apiVersion: v2
      name: micro-integrator
      version: $version
      appVersion: "1.2"
      digest: $(sha256sum "$folder/$archive" | cut -d' ' -f1)
      urls:
        - $archive
generated: "2026-01-01T00:00:00Z"
YAML
}

base() { # base RELEASE: the vendor's image under the tag 1.2.0
    local context; context=$(mktemp -d)
    cp "$here/stage/base/Dockerfile" "$busybox" "$context"
    echo "$1" >"$context/release"
    {
        docker build -q -t "$registry/${prefix}wso2/wso2mi:1.2.0" "$context"
        docker push -q "$registry/${prefix}wso2/wso2mi:1.2.0"
    } >"$stage/docker.log" 2>&1 || die "the base image cannot be made: see $stage/docker.log"
    rm -rf "$context"
}

web() { # repositories and charts over HTTP
    cat >"$stage/lighttpd.conf" <<CONF
server.document-root = "$stage/www"
server.bind = "127.0.0.1"
server.port = $port
server.modules = ("mod_alias", "mod_cgi", "mod_setenv")
mimetype.assign = ("" => "application/octet-stream")
\$HTTP["url"] =~ "^/git/" {
    alias.url = ("/git/" => "$(git --exec-path)/git-http-backend/")
    cgi.assign = ("" => "")
    setenv.set-environment = ("GIT_PROJECT_ROOT" => "$stage/repos", "GIT_HTTP_EXPORT_ALL" => "1")
}
CONF
    setsid "$(command -v lighttpd || echo /usr/sbin/lighttpd)" -D -f "$stage/lighttpd.conf" >"$stage/web.log" 2>&1 </dev/null &
    echo $! >"$stage/web.pid"
}

contexts() { # three contexts, as a company has three clusters
    local from=${KUBECONFIG:?the test cluster must be up, with KUBECONFIG set} name
    cp "$from" "$stage/kubeconfig"
    chmod 600 "$stage/kubeconfig"
    for name in dev staging prod; do
        kubectl --kubeconfig "$stage/kubeconfig" config set-context "$name" \
            --cluster="$(kubectl --kubeconfig "$from" config view -o jsonpath='{.contexts[0].context.cluster}')" \
            --user="$(kubectl --kubeconfig "$from" config view -o jsonpath='{.contexts[0].context.user}')" >/dev/null
    done
}

up() {
    for needed in git docker kubectl curl lighttpd "$busybox"; do
        PATH=$PATH:/usr/sbin command -v "$needed" >/dev/null || die "$needed is missing"
    done
    stop
    rm -rf "$stage"
    mkdir -p "$stage/repos" "$stage/www"
    repository mi-app "$here/stage/app" >/dev/null
    repository mi-config "$here/stage/config" >/dev/null
    sed -e "s|127.0.0.1:8418|127.0.0.1:$port|; s|127.0.0.1:5000/|$registry/$prefix|; s|namespace=wso2mi|namespace=${prefix}wso2mi|" \
        "$here/lockgate.kdl" >"$stage/lockgate.kdl"
    mkdir -p "$stage/delivery"
    cp "$stage/lockgate.kdl" "$stage/delivery/lockgate.kdl"
    repository mi-delivery "$stage/delivery" >/dev/null
    charts
    base "Micro Integrator 1.2.0, the first"
    web
    contexts
    for _ in $(seq 50); do
        curl -fs "http://127.0.0.1:$port/charts/index.yaml" >/dev/null && break
        sleep 0.1
    done
    git ls-remote "http://127.0.0.1:$port/git/mi-app.git" main >/dev/null || die "the repositories are not served: see $stage/web.log"
    say "set in $stage: eval \"\$($0 env)\""
}

stop() {
    [ -f "$stage/web.pid" ] || return 0
    kill "$(cat "$stage/web.pid")" 2>/dev/null || true
}

down() {
    stop
    for name in dev staging prod; do
        kubectl delete namespace "${prefix}wso2mi-$name" --wait=false --ignore-not-found >/dev/null 2>&1 || true
    done
    rm -rf "$stage"
}

case ${1:-} in
    up) up ;;
    down) down ;;
    base) base "${2:?base RELEASE}" ;;
    commit) commit "${2:?commit REPO MESSAGE}" "${3:?commit REPO MESSAGE}" ;;
    env) printf 'export KUBECONFIG=%s\nexport LOCKGATE_FILE=%s\nexport LOCKGATE_STATE=%s\n' "$stage/kubeconfig" "$stage/lockgate.kdl" "$stage/state" ;;
    *) sed -n '2,14p' "$0"; exit 2 ;;
esac
