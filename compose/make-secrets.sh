#!/bin/sh
# Makes the passwords of the stack, those that are not there yet, in compose/secrets. They count when the volume of
# MySQL is new: to change one later, change it in MySQL, too.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets # nobody else gets to them here; in a container whoever it runs as has to read them
for name in mysql_password mysql_root_password; do
  [ -s "secrets/$name" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "secrets/$name"
  chmod 644 "secrets/$name"
done
