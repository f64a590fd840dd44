#!/usr/bin/env bash
# Slurm epilog: when a batch job failed, posts its record with the last 64 KiB of its output to responder, so that the
# report is there before anybody has opened the log. jobcomp_kafka.conf brings the records of all jobs; this brings the log.
#
#   slurm.conf:                     Epilog=/etc/slurm/epilog.d/*      (this script in that folder, mode 0755, owner root)
#   /etc/slurm/responder.conf:      RESPONDER_URL=https://responder.example.com
#                                   RESPONDER_TOKEN_FILE=/etc/slurm/responder.token      (mode 0600, owner root)
#
# It must never harm the node: a failing epilog drains it. So it ends with 0 whatever happens, within 20 s whatever hangs
# (a dead file system, a dead responder), prints nothing, and sends nothing for jobs that ended well.
#
# The path of the output is the job owner's choice and the epilog runs as root: the file is read as that user, who could
# otherwise have any file of this machine posted. The text is untrusted; responder redacts it before it is stored.

set -u
# slurmd gives the epilog next to no environment. RESPONDER_EPILOG_PATH: where scontrol is, if not there.
export PATH="${RESPONDER_EPILOG_PATH:-}${RESPONDER_EPILOG_PATH:+:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
exec </dev/null >/dev/null 2>&1

readonly LIMIT_BYTES=65536
readonly CONFIG=${RESPONDER_CONFIG:-/etc/slurm/responder.conf}

# A second self with a deadline: nothing in here can hold up the node longer than that.
if [[ ${RESPONDER_EPILOG_INNER:-} != yes ]]; then
  RESPONDER_EPILOG_INNER=yes timeout --kill-after=2 18 "$BASH" "$0"
  exit 0
fi

# shellcheck source=/dev/null
[[ -r $CONFIG ]] && . "$CONFIG"
[[ -n ${RESPONDER_URL:-} && -n ${SLURM_JOB_ID:-} ]] || exit 0

# "status:signal". SLURM_JOB_EXIT_CODE2 is the script's own, SLURM_JOB_DERIVED_EC the highest of its steps.
exit_code=${SLURM_JOB_EXIT_CODE2:-0:0}
derived=${SLURM_JOB_DERIVED_EC:-0}
[[ $derived == *:* ]] || derived=$derived:0
[[ $exit_code != 0:0 || $derived != 0:0 || -z ${SLURM_JOB_EXIT_CODE2+set} ]] || exit 0

# One question to slurmctld per node of a failed job: what the environment of older versions does not say. The state may
# still be COMPLETING, but the reason tells a time limit and a kill for memory from a plain failure.
record=$(timeout 5 scontrol --oneliner show job "$SLURM_JOB_ID" || true)
field() { # NAME: the value of NAME=... in the record; values with blanks are cut at the first
  local value
  [[ " $record" == *" $1="* ]] || return 0
  value=" $record"
  value=${value#*" $1="}
  value=${value%% *}
  [[ $value == "(null)" ]] || printf '%s' "$value"
}

# Epilogs run on each node of a job: only the one where the batch script ran sends.
batch_host=$(field BatchHost)
[[ -z $batch_host || $batch_host == "${SLURMD_NODENAME:-$batch_host}" ]] || exit 0
nodes=${SLURM_JOB_NODELIST:-$(field NodeList)}

[[ -n ${SLURM_JOB_EXIT_CODE2+set} ]] || exit_code=$(field ExitCode)
[[ ${exit_code:-0:0} != 0:0 || $derived != 0:0 ]] || exit 0
case $(field Reason) in
  TimeLimit) state=TIMEOUT ;;
  OutOfMemory) state=OUT_OF_MEMORY ;;
  NodeDown | NodeFail) state=NODE_FAIL ;;
  *) state=FAILED ;;
esac
# A signal 15 without a reason is `scancel`: somebody wanted that.
[[ $state == FAILED && ($exit_code == 0:15 || $exit_code == 15:0) ]] && exit 0

stdout=${SLURM_JOB_STDOUT:-$(field StdOut)}
stderr=${SLURM_JOB_STDERR:-$(field StdErr)}

work=$(mktemp -d) || exit 0
trap 'rm -rf "$work"' EXIT

read_as_owner() { # FILE BYTES
  [[ -n $1 && $1 != /dev/null ]] || return 0
  if [[ $(id -u) -eq 0 && -n ${SLURM_JOB_USER:-} ]]; then
    timeout 5 runuser -u "$SLURM_JOB_USER" -- tail -c "$2" -- "$1"
  else
    timeout 5 tail -c "$2" -- "$1"
  fi
}

if [[ -z $stderr || $stderr == "$stdout" ]]; then
  read_as_owner "$stdout" "$LIMIT_BYTES" >"$work/log"
else
  { read_as_owner "$stdout" $((LIMIT_BYTES / 2)) && printf '\n' && read_as_owner "$stderr" $((LIMIT_BYTES / 2)); } >"$work/log"
fi

json_text() { # stdin as the inside of a JSON string: control characters out, quotes and backslashes escaped, lines kept
  LC_ALL=C tr -d '\000-\010\013-\037\177' | iconv -f UTF-8 -t UTF-8 -c |
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/\t/\\t/g' | awk '{ printf "%s\\n", $0 }'
}
quoted() { printf '"%s"' "$(printf '%s' "$1" | json_text | sed 's/\\n$//')"; }
utc() { # "2026-11-20T03:00:00" in this machine's zone, as slurmctld prints it; responder wants UTC without a zone
  local at
  at=$(date --date="$1" +%s) && date --utc --date="@$at" +%Y-%m-%dT%H:%M:%S
}

{
  printf '{"jobid": %d' "$SLURM_JOB_ID"
  printf ', "cluster": %s' "$(quoted "${SLURM_CLUSTER_NAME:-}")"
  printf ', "job_name": %s' "$(quoted "${SLURM_JOB_NAME:-$(field JobName)}")"
  printf ', "username": %s' "$(quoted "${SLURM_JOB_USER:-}")"
  printf ', "account": %s' "$(quoted "${SLURM_JOB_ACCOUNT:-$(field Account)}")"
  printf ', "partition": %s' "$(quoted "${SLURM_JOB_PARTITION:-}")"
  printf ', "nodes": %s' "$(quoted "$nodes")"
  started=$(field StartTime)
  [[ $started == [0-9]* ]] && printf ', "@start": %s' "$(quoted "$(utc "$started")")"
  printf ', "@end": "%s"' "$(date --utc +%Y-%m-%dT%H:%M:%S)"
  printf ', "state": "%s", "exit_code": %s, "derived_ec": %s' "$state" "$(quoted "$exit_code")" "$(quoted "$derived")"
  tres=$(field AllocTRES)
  [[ -n $tres ]] || tres=$(field TRES)
  [[ -n $tres ]] && printf ', "tres_alloc": %s' "$(quoted "$tres")"
  printf ', "log": "'
  json_text <"$work/log"
  printf '"}\n'
} >"$work/body.json"

# The token goes by a file that only root reads, never by the command line that everybody sees in ps.
{
  printf 'url = "%s/v1/events/slurm"\n' "${RESPONDER_URL%/}"
  printf 'header = "Content-Type: application/json"\n'
  if [[ -r ${RESPONDER_TOKEN_FILE:-} ]]; then
    printf 'header = "Authorization: Bearer %s"\n' "$(<"$RESPONDER_TOKEN_FILE")"
  fi
} >"$work/curl"
chmod 0600 "$work/curl"
curl --silent --show-error --fail --connect-timeout 2 --max-time 5 --retry 1 --retry-delay 1 --retry-max-time 8 \
  --config "$work/curl" --data-binary "@$work/body.json" || logger --tag responder-epilog "job $SLURM_JOB_ID was not posted"
exit 0
