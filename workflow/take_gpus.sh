# Sourced by a step's shell: takes $1 of the GPUs in $PROJECT_GPUS, which a comma separates,
# for itself and all that it starts. A GPU is taken as long as its file is locked, and so
# until the last of these processes has ended, however it ended.
while :; do
  taken=() locks=()
  for gpu in ${PROJECT_GPUS//,/ }; do
    [ ${#taken[@]} -lt "$1" ] || break
    exec {lock}>>".gpu-$gpu"
    if flock --nonblock "$lock"; then
      taken+=("$gpu") locks+=("$lock")
    else
      exec {lock}>&-
    fi
  done
  [ ${#taken[@]} -lt "$1" ] || break
  # Snakemake starts no step without free GPUs; a step that was killed may still end.
  for lock in "${locks[@]}"; do exec {lock}>&-; done
  sleep 1
done
CUDA_VISIBLE_DEVICES=$(IFS=,; echo "${taken[*]}")
export CUDA_VISIBLE_DEVICES
