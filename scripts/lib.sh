# Shared by the scripts of this folder; sourced, not run. Changes to the root of the checkout.
set -euo pipefail
caller_folder=$PWD
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s: %s\n' "${0##*/}" "$*"; }

fail() { # MESSAGE: an error that no argument can fix
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

usage_error() { # MESSAGE: an error that the caller can fix
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 2
}

# The help of a script is the comment block at its top.
show_help() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }

# The lines of a list file, without comments and blank lines.
entries() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$1"; }

configure_preset() { # PRESET [cmake argument...]
  local log=build/$1-configure.log
  # Uses a compiler cache if there is one. Looks for it only now: the set-up may just have installed it, and a
  # different compiler command would rebuild everything. Caching precompiled headers needs the sloppiness;
  # paths relative to the checkout let two checkouts share their results.
  if command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}
    export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS-pch_defines,time_macros,include_file_mtime,include_file_ctime}
    export CCACHE_BASEDIR=${CCACHE_BASEDIR-$PWD} CCACHE_NOHASHDIR=${CCACHE_NOHASHDIR-true}
  fi
  mkdir -p build
  cmake --preset "$@" >"$log" 2>&1 || { cat "$log" >&2; fail "configuring preset $1 failed"; }
}

# Runs the tests of a build; scripts/count_tests reads the reports.
test_preset() { # PRESET [argument of ctest...]
  rm -rf "build/$1/tests/results"
  ctest --preset "$1" --output-junit "$PWD/build/$1/tests/results/ctest.xml" "${@:2}"
}

# Configures and builds. A new build folder uses unity builds; an existing one keeps its setting.
build_preset() { # PRESET TARGET [cmake argument...]
  local unity=()
  [[ -e build/$1/CMakeCache.txt ]] || unity=(-DROUTEDK_UNITY=ON)
  say "building $2 of preset $1 into build/$1"
  configure_preset "$1" "${unity[@]}" "${@:3}"
  cmake --build --preset "$1" --target "$2"
}
