# Shared by the scripts of this folder; sourced, never run. Moves to the root of the checkout.
set -euo pipefail
caller_folder=$PWD
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s: %s\n' "${0##*/}" "$*"; }

fail() { # MESSAGE: what no argument can fix
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

usage_error() { # MESSAGE: what the caller can fix
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
  # and another compiler command makes everything old. Precompiled headers need the sloppiness to be cached,
  # paths relative to the checkout let two checkouts share their results.
  if command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}
    export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS-pch_defines,time_macros,include_file_mtime,include_file_ctime}
    export CCACHE_BASEDIR=${CCACHE_BASEDIR-$PWD} CCACHE_NOHASHDIR=${CCACHE_NOHASHDIR-true}
  fi
  mkdir -p build
  cmake --preset "$@" >"$log" 2>&1 || { cat "$log" >&2; fail "configuring preset $1 failed"; }
}

# Configures and builds. A build folder that is made here compiles the sources of a folder as one unit; one that
# is there keeps its choice.
build_preset() { # PRESET TARGET [cmake argument...]
  local unity=()
  [[ -e build/$1/CMakeCache.txt ]] || unity=(-DROUTEDK_UNITY=ON)
  say "building $2 of preset $1 into build/$1"
  configure_preset "$1" "${unity[@]}" "${@:3}"
  cmake --build --preset "$1" --target "$2"
}
