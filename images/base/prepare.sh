# Installs Debian packages (PACKAGES), puts programs on PATH (LINKS: name=path), and leaves no file that runs as another
# user than its caller but sudo, which works with --sudo alone: a cage has nothing to gain from one. Run by the tiers' Dockerfiles
# as root.
set -eu

if [ -n "${PACKAGES:-}" ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  # Unquoted: a list of names.
  apt-get install -q -y --no-install-recommends ${PACKAGES}
  apt-get clean
  rm -rf /var/lib/apt/lists/*
fi

for link in ${LINKS:-}; do
  if [ ! -x "${link#*=}" ]; then
    echo "${link#*=} is not there or not executable" >&2
    exit 1
  fi
  ln -sf "${link#*=}" "/usr/local/bin/${link%%=*}"
done

find / -xdev -type f -perm /6000 ! -path /usr/bin/sudo -exec chmod a-s {} +
