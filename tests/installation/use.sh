#!/usr/bin/env bash
# Install a wheel or sdist into a new environment and use it from elsewhere.
# usage: tests/installation/use.sh dist/ffa_keras-*.whl [EXTRA]
set -euo pipefail
package=$(realpath "$1")
extra=${2:+[$2]}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "$package$extra"
cd "$folder"
ffa_keras() {
  echo "+ ffa_keras $*" >&2
  env/bin/ffa_keras "$@"
}
ffa_keras
ffa_keras prepare --config=phantom --num_pairs=16 --image_size=96 --data_dir=data
ffa_keras train --preset=demo --dataset_dir=data --run_dir=run \
  --num_filters=4 --num_blocks=1 --discriminator_filters=4 \
  --patch_height=48 --patch_width=48 --constant_epochs=1 --decay_epochs=1
ffa_keras evaluate --run_dir=run
ffa_keras export-saved-model --run_dir=run --output=model
ffa_keras export-tflite --run_dir=run --output=model.tflite
ffa_keras phantom --seed=3 --category=normal --size=96 --output=eye
ffa_keras translate eye/fundus.png
ffa_keras translate eye/fundus.png --model=model --output=own
ls -l ffa/fundus.png own/fundus.png model.tflite
