#!/bin/sh
# Makes .venv with any Python from 3.11 on, and installs a requirements file into it,
# unless that is done. In the checkout: sh notifier/launch/install.sh requirements.txt
set -eu

requirements=$1
venv=.venv
python=$venv/bin/python

is_new_enough() {
    # Run, not only looked for: a version manager's stand-in may be all there is.
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in python3.13 python3.12 python3.11 python3.14 python3; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "Notifier needs Python 3.11 or newer: install it (Debian: apt-get install python3 python3-venv)." >&2
    exit 1
}

has_pip() {
    [ -x "$python" ] && is_new_enough "$python" && "$python" -m pip --version >/dev/null 2>&1
}

# Debian's python3 alone cannot make virtual environments: other programs may.
make_venv() {
    base=$1
    for tool in "$base -m venv" "virtualenv --quiet --python $base" "uv venv --quiet --seed --python $base"; do
        rm -rf "$venv"
        if $tool "$venv" >"$venv.log" 2>&1 && has_pip; then
            rm -f "$venv.log"
            return
        fi
    done
    rm -rf "$venv" "$venv.log"
    echo "$base cannot make the virtual environment $venv: install its venv module (Debian: apt-get install python3-venv), and see that this folder can be written." >&2
    exit 1
}

# What an installed environment holds, word for word: touching a file changes nothing.
wanted() {
    case $requirements in
    requirements.txt) cat requirements.txt ;;
    *) cat requirements.txt "$requirements" ;;
    esac
}

stamp=$venv/installed-$requirements
if is_new_enough "$python" && [ -f "$stamp" ] && [ "$(wanted)" = "$(cat "$stamp")" ]; then
    exit 0
fi
if ! has_pip; then
    base=$(find_python)
    echo "Making $venv with $base…"
    make_venv "$base"
fi
echo "Installing $requirements…"
"$python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
wanted >"$stamp"
# Every requirements file builds on the first one.
cp requirements.txt "$venv/installed-requirements.txt"
