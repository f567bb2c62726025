/**
 * A shell text for the beginning of `runAsRoot`: it makes the files without which `useradd`, `groupadd` and what asks PAM
 * refuse to work. Files that an image has already stay as they are, so it can be put in front of any script.
 */
export const shadowSetup: string = `varve_default() {
  [ -e "$2" ] || (umask "$1" && printf '%s\\n' "$3" >"$2")
}
mkdir -p /etc/pam.d /root
varve_default 022 /etc/passwd 'root:x:0:0:System administrator:/root:/bin/sh'
varve_default 027 /etc/shadow 'root:!:1::::::'
varve_default 022 /etc/group 'root:x:0:'
varve_default 027 /etc/gshadow 'root:!::'
varve_default 022 /etc/login.defs 'ENCRYPT_METHOD SHA512
UID_MIN 1000
UID_MAX 60000
GID_MIN 1000
GID_MAX 60000'
varve_default 022 /etc/pam.d/other 'auth sufficient pam_rootok.so
auth required pam_unix.so
account required pam_unix.so
password required pam_unix.so sha512
session required pam_unix.so'
unset -f varve_default
`;
