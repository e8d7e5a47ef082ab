# Sourced by the scripts that prove something: `check NAME COMMAND...` runs one check and prints one line, `ok` or
# `FAIL`, with what the command said where it failed. The checks that failed are counted in $failed.
failed=0

check() {
  local name=$1 said
  shift
  if said=$("$@" 2>&1); then
    echo "ok   $name"
  else
    echo "FAIL $name"
    echo "$said" | tail -n 40 | sed 's/^/  | /'
    failed=$((failed + 1))
  fi
}

exits() { # CODE COMMAND...: the command ends with that exit code
  local expected=$1 code=0
  shift
  "$@" || code=$?
  ((code == expected)) || { echo "exit $code, expected $expected: $*"; return 1; }
}

is() { # EXPECTED COMMAND...: the command says that and no more
  local expected=$1 said
  shift
  said=$("$@") && [[ $said == "$expected" ]] || { echo "expected '$expected', got '${said-}'"; return 1; }
}
