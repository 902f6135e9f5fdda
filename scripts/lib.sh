# Shared by the scripts of this folder; sourced, never run. Moves to the root of the checkout.
set -euo pipefail
caller_folder=$PWD
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s: %s\n' "${0##*/}" "$*"; }

fail() { # MESSAGE: what no argument can mend
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

usage_error() { # MESSAGE: what the caller can mend
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 2
}

# The comment block at the head of the running script is its help.
show_help() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }

# The lines of a list file without comments and blanks.
entries() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$1"; }

configure_preset() { # PRESET [cmake argument...]
  local log=build/$1-configure.log
  # A compiler cache is used where there is one, and looked for only now: the set-up may just have brought it,
  # and another compiler command makes everything old. Precompiled headers need the sloppiness to be cached.
  if command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}
    export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS-pch_defines,time_macros,include_file_mtime,include_file_ctime}
  fi
  mkdir -p build
  cmake --preset "$@" >"$log" 2>&1 || { cat "$log" >&2; fail "configuring preset $1 failed"; }
}

build_preset() { # PRESET TARGET [cmake argument...]: configure and build
  say "building $2 of preset $1 into build/$1"
  configure_preset "$1" "${@:3}"
  cmake --build --preset "$1" --target "$2"
}
