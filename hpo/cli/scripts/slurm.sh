#!/bin/bash
#SBATCH --job-name=hpo
#SBATCH --nodes=@NODES@
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=@CPUS@
#SBATCH --gpus-per-node=@GPUS@
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append

# Ray within one allocation of Slurm: this script's machine is the head and runs the study, whose results lie in the
# folder where it was submitted. Pre-empted or out of time, the study stops in order and goes on when the job is queued
# again (`scontrol requeue`, or sbatch of the same script): what was recorded is not trained again.
set -euo pipefail
umask 077

# A token without which nobody gets in, in a file for you alone.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$PWD/.ray-token-$SLURM_JOB_ID" RAY_USAGE_STATS_ENABLED=0
python3 -c 'import secrets; print(secrets.token_hex(32), end="")' > "$RAY_AUTH_TOKEN_PATH"
trap 'rm -f "$RAY_AUTH_TOKEN_PATH"' EXIT

# On each node: Ray in a folder for you alone (it opens the one that it makes in there to all), which goes when Ray has ended.
node='
  folder=$(mktemp -d /tmp/hpo-cluster-XXXXXX)
  ray start "$@" --temp-dir="$folder/ray" &
  ray=$!
  trap "kill $ray" TERM
  while kill -0 $ray 2> /dev/null; do wait $ray; done
  rm -rf "$folder"
'
# Ports are free ones, so that jobs may share a node: Ray finds them (0), and this script those that the head is told.
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'; }
port=$(free)
counts=(--num-cpus=@CPUS@ --num-gpus=@GPUS@ --disable-usage-stats --block)
ports=(--min-worker-port=0 --max-worker-port=0 --dashboard-agent-listen-port=0)
head=(--include-dashboard=false --port="$port")
if python3 -c 'import grpc' 2> /dev/null; then # with which Ray serves a second protocol, always at port 10001 if not told
  head+=(--ray-client-server-port="$(free)")
fi

mapfile -t machines < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
address="$(getent ahostsv4 "${machines[0]}" | awk 'NR == 1 {print $1}'):$port"

srun --overlap --nodes=1 --ntasks=1 --nodelist="${machines[0]}" bash -c "$node" node \
  --head --node-ip-address="${address%:*}" "${head[@]}" "${counts[@]}" "${ports[@]}" &
for _ in $(seq 60); do
  (exec 3<> "/dev/tcp/${address%:*}/$port") 2> /dev/null && break
  sleep 1
done
if [ "${#machines[@]}" -gt 1 ]; then
  srun --overlap --nodes=$((${#machines[@]} - 1)) --ntasks=$((${#machines[@]} - 1)) --exclude="${machines[0]}" \
    bash -c "$node" node --address="$address" "${counts[@]}" "${ports[@]}" &
fi

# The study lays its workers out on the nodes that it finds: wait for all, or after ten minutes go on with those that came.
python3 -c '
import sys, time, ray
ray.init(sys.argv[1], log_to_driver=False, logging_level="ERROR")
end = time.monotonic() + 600
while sum(node["Alive"] for node in ray.nodes()) < int(sys.argv[2]) and time.monotonic() < end:
    time.sleep(1)
' "$address" "${#machines[@]}"

RAY_ADDRESS="$address" hpo run --space @SPACE@ --on ray &
study=$!
trap 'kill -TERM $study' TERM
while :; do # a signal ends the waiting, while the study still writes what it has in hand
  status=0
  wait $study || status=$?
  kill -0 $study 2> /dev/null || break
done
trap - TERM
kill $(jobs -p) 2> /dev/null || true
for _ in $(seq 60); do # for Ray to end on all nodes, which then remove their folders
  [ -n "$(jobs -pr)" ] || break
  sleep 1
done
exit $status
