#!/bin/sh
# Runs on the sources of the image before it is pushed: every service is a shell script that parses.
set -eu
for service in services/*.sh; do
    sh -n "$service"
    echo "ok $service"
done
