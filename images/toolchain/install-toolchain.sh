# One toolchain of one version: the distribution's own where it has that version, else its makers' with checksums. A
# version that neither has is an error that says so: nothing near it is taken instead.
set -eu
name="$1"
version="$2"
export DEBIAN_FRONTEND=noninteractive

has_package() {
  apt-cache show --no-all-versions "$1" > /dev/null 2>&1
}

# The version that the distribution would install begins with the wanted one.
candidate_is() {
  found="$(apt-cache policy "$1" | sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}//p')"
  case "${found}" in
    "$2" | "$2".* | "$2"-* | "$2"+*) return 0 ;;
    *) return 1 ;;
  esac
}

install_packages() {
  apt-get install -q -y --no-install-recommends "$@"
}

add_backports() {
  . /etc/os-release
  list=/etc/apt/sources.list.d/ironcage-backports.list
  echo "deb http://deb.debian.org/debian ${VERSION_CODENAME}-backports main" > "${list}"
  trap 'rm -f "${list}"' EXIT
  apt-get update -q
}

refuse() {
  echo "${name} ${version} is not to be had here: $1" >&2
  exit 1
}

link_all() {
  for program in "$1"/*; do
    if [ -x "${program}" ]; then ln -sf "${program}" "/usr/local/bin/${program##*/}"; fi
  done
}

python() {
  if has_package "python${version}"; then
    install_packages "python${version}" "python${version}-venv"
    ln -sf "/usr/bin/python${version}" /usr/local/bin/python
    ln -sf "/usr/bin/python${version}" /usr/local/bin/python3
    return
  fi
  command -v uv > /dev/null || refuse 'this Debian has another version, and this base has no uv to fetch it with'
  # uv knows the checksum of every build that it offers.
  uv python install --install-dir /opt/ironcage/python "${version}" ||
    refuse 'uv cannot fetch it from github.com'
  link="$(uv python find --managed-python --python-preference only-managed "${version}" 2> /dev/null ||
    find /opt/ironcage/python -path '*/bin/python3' | head -n 1)"
  [ -x "${link}" ] || refuse 'uv installed nothing that starts'
  ln -sf "${link}" /usr/local/bin/python
  ln -sf "${link}" /usr/local/bin/python3
}

go() {
  has_package "golang-${version}-go" || add_backports
  has_package "golang-${version}-go" ||
    refuse 'neither this Debian nor its backports have it; versions are named like 1.23, and --base takes another Debian'
  install_packages "golang-${version}-go"
  link_all "/usr/lib/go-${version}/bin"
}

java() {
  has_package "openjdk-${version}-jdk-headless" ||
    refuse 'this Debian has another version; --base takes another Debian'
  install_packages "openjdk-${version}-jdk-headless"
}

rust() {
  if candidate_is rustc "${version}"; then
    install_packages rustc cargo
    return
  fi
  case "$(uname -m)" in
    x86_64) sum=20a06e644b0d9bd2fbdbfd52d42540bdde820ea7df86e92e533c073da0cdd43c ;;
    aarch64) sum=e3853c5a252fca15252d07cb23a1bdd9377a8c6f3efa01531109281ae47f841c ;;
    *) refuse "there is no pinned rustup for $(uname -m)" ;;
  esac
  directory="$(mktemp -d)"
  curl -fsSL --retry 2 -o "${directory}/rustup-init" \
    "https://static.rust-lang.org/rustup/archive/1.28.2/$(uname -m)-unknown-linux-gnu/rustup-init" ||
    refuse 'this Debian has another version, and rustup cannot be fetched from static.rust-lang.org'
  echo "${sum}  ${directory}/rustup-init" | sha256sum -c -
  chmod 0755 "${directory}/rustup-init"
  # rustup checks the toolchain's parts against the checksums of its manifest.
  RUSTUP_HOME=/opt/ironcage/rustup CARGO_HOME="${directory}/cargo" "${directory}/rustup-init" -y --no-modify-path \
    --profile default --default-toolchain "${version}" || refuse 'rustup could not install it'
  rm -rf "${directory}"
  link_all "$(echo /opt/ironcage/rustup/toolchains/*/bin)"
}

case "${name}" in
  python | go | java | rust) ;;
  *) refuse 'there is no such toolchain' ;;
esac
apt-get update -q
"${name}"
apt-get clean
rm -rf /var/lib/apt/lists/*
