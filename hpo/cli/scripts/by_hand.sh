# Once, on the head: a token without which nobody gets in, in a file for you alone. Copy it to every node (scp -p), or
# let it lie in a home folder that all nodes share.
(umask 077 && mkdir -p ~/.hpo && python3 -c 'import secrets; print(secrets.token_hex(32), end="")' > ~/.hpo/ray-token)

# On every node, in each shell that starts or uses Ray, with the environment in which `pip install 'hpo[ray]'` was given:
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=~/.hpo/ray-token RAY_USAGE_STATS_ENABLED=0
export HEAD=192.168.1.10    # the head's address in a network of your own: what goes over it is not encrypted

# On every node: a folder for you alone. Ray opens the one that it makes in there to all.
FOLDER=$(mktemp -d /tmp/hpo-cluster-XXXXXX)

# On the head, which lends @CPUS@ CPUs and @GPUS@ GPUs as the others do:
ray start --head --node-ip-address="$HEAD" --port=6379 --num-cpus=@CPUS@ --num-gpus=@GPUS@ \
  --include-dashboard=false --disable-usage-stats --temp-dir="$FOLDER/ray"

# On each of the others, @NODES@ in all:
ray start --address="$HEAD:6379" --num-cpus=@CPUS@ --num-gpus=@GPUS@ --disable-usage-stats --temp-dir="$FOLDER/ray"

# On the head, once the others are there, as often as you like; the same command goes on where it stopped, also on another cluster:
RAY_ADDRESS="$HEAD:6379" hpo run --space @SPACE@ --on ray

# At the end, on every node, in the shell that started Ray:
ray stop; rm -rf "$FOLDER"
