# Runs in namespaces of its own: container.sh ROOT USER WORKDIR VOLUME PROGRAM [ARGUMENTS].
# Makes ROOT the read-only root of what it runs, with this machine's C library.
set -eu
root=$1 user=$2 workdir=$3 volume=$4
shift 4
mount --make-rprivate /
mount --bind "$root" "$root"
for folder in /lib /lib64 /usr/lib /usr/lib64; do
  if [ -h "$folder" ]; then cp -P "$folder" "$root$folder"
  elif [ -d "$folder" ]; then
    mkdir -p "$root$folder"
    mount --rbind "$folder" "$root$folder"
    mount -o remount,bind,ro "$root$folder"
  fi
done
for device in null zero random urandom; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount --bind "$root$volume" "$root$volume"
mount -o remount,bind,ro "$root"
# The change of user takes all capabilities along. What is run is the first process here.
exec setpriv --no-new-privs \
  unshare --root="$root" --wd="$workdir" --setgid="${user#*:}" --setuid="${user%:*}" "$@"
