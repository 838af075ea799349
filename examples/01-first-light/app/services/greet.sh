#!/bin/sh
# The service: says its greeting.
echo "${GREETING:-hello}"
