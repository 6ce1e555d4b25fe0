# Sourced by a step's shell, before its command: $1 is its title, $2 the file that the step
# writes last. From here on all output goes to the step's log, to which each try is
# appended. workflow/step_logs.py reads it.
log=${2%/finished.json} log=logs/${log%/manifest.json}.log
mkdir -p "${log%/*}"
exec >>"$log" 2>&1
echo
echo "== $(date '+%F %T') $1 -> $2"
# The shell waits for the command, which has been sent the same signal and saves its state.
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
trap '{ code=$?; set +x; } 2>/dev/null; echo "== ended with $code after $SECONDS s"' EXIT
export TQDM_MININTERVAL=1  # Seconds between two states of a progress bar.
PS4='   '
