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

# A token without which nobody gets in, in a file for you alone; folder and ports of this job's own.
folder="/tmp/hpo-ray-$SLURM_JOB_ID"
mkdir -p "$folder"
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$PWD/.ray-token-$SLURM_JOB_ID" RAY_USAGE_STATS_ENABLED=0
python3 -c 'import secrets; print(secrets.token_hex(32), end="")' > "$RAY_AUTH_TOKEN_PATH"
trap 'rm -rf "$RAY_AUTH_TOKEN_PATH" "$folder"' EXIT
first=$((20000 + SLURM_JOB_ID % 300 * 100))
counts=(--num-cpus=@CPUS@ --num-gpus=@GPUS@ --disable-usage-stats --block)
ports=(
  --node-manager-port=$((first + 1)) --object-manager-port=$((first + 2)) --runtime-env-agent-port=$((first + 3))
  --metrics-export-port=$((first + 4)) --dashboard-agent-listen-port=$((first + 5)) --dashboard-agent-grpc-port=$((first + 6))
  --min-worker-port=$((first + 10)) --max-worker-port=$((first + 99))
)

mapfile -t machines < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
address="$(getent ahostsv4 "${machines[0]}" | awk 'NR == 1 {print $1}'):$first"

srun --overlap --nodes=1 --ntasks=1 --nodelist="${machines[0]}" \
  ray start --head --node-ip-address="${address%:*}" --port="$first" --include-dashboard=false --temp-dir="$folder" \
  "${counts[@]}" "${ports[@]}" &
for _ in $(seq 60); do
  (exec 3<> "/dev/tcp/${address%:*}/$first") 2> /dev/null && break
  sleep 1
done
if [ "${#machines[@]}" -gt 1 ]; then
  srun --overlap --nodes=$((${#machines[@]} - 1)) --ntasks=$((${#machines[@]} - 1)) --exclude="${machines[0]}" \
    ray start --address="$address" "${counts[@]}" "${ports[@]}" &
  sleep 20 # for the others to join; who comes later takes work too
fi

RAY_ADDRESS="$address" hpo run --space @SPACE@ --on ray --quiet &
study=$!
trap 'kill -TERM $study' TERM
while :; do # a signal ends the waiting, while the study still writes what it has in hand
  status=0
  wait $study || status=$?
  kill -0 $study 2> /dev/null || break
done
trap - TERM
kill $(jobs -p) 2> /dev/null || true
exit $status
