#!/bin/sh
# Preview or update a stack in all layers, in the order in which they depend on each other.
#
#   pulumi-ci.sh preview|up dev|staging|prod [option of pulumi]...
#
# Stops at the first layer that fails: the later ones build on it.
set -eu

usage() {
    echo "usage: pulumi-ci.sh preview|up STACK [option of pulumi]..." >&2
    exit 2
}

[ "$#" -ge 2 ] || usage
command=$1
stack=$2
shift 2

case $command in
preview) ;;
up) set -- --yes --skip-preview "$@" ;; # nobody is there to be asked; the preview was reviewed
*) usage ;;
esac

infra=$(cd "$(dirname "$0")" && pwd)

# The base is the folder itself; every folder with a Pulumi.yaml is a layer on top of it.
for file in "$infra/Pulumi.yaml" "$infra"/*/Pulumi.yaml; do
    layer=$(dirname "$file")
    if [ ! -f "$layer/Pulumi.$stack.yaml" ]; then
        echo "$layer: no stack $stack" >&2
        exit 2
    fi
    # To standard error, so that `--json` leaves nothing but JSON on standard output.
    echo "$command $stack: ${layer##*/}" >&2
    pulumi "$command" --cwd "$layer" --stack "$stack" --non-interactive "$@"
done
