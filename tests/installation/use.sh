#!/usr/bin/env bash
# Install a wheel or sdist into a new environment and use it from elsewhere.
# usage: tests/installation/use.sh dist/ffa_keras-*.whl [EXTRA,...]
set -euo pipefail
package=$(realpath "$1")
extras=,${2:-},
tests=$(realpath "$(dirname "$0")/..")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "$package${2:+[$2]}"
cd "$folder"
ffa_keras() {
  echo "+ ffa_keras $*" >&2
  env/bin/ffa_keras "$@"
}

use() {
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
}

# A photograph as a camera exports it comes back as DICOM.
use_dicom() {
  PYTHONPATH=$tests env/bin/python -c '
import cv2, dicom_files
photograph = cv2.imread("eye/fundus.png")[..., ::-1]
data = dicom_files.content(dicom_files.ophthalmic(photograph))
open("eye.dcm", "wb").write(data)'
  ffa_keras translate eye.dcm --dicom --output=dicom
  cmp dicom/eye.png ffa/fundus.png
  ls -l dicom/eye.dcm
}

# Both clients get the same answer of a server.
use_serving() {
  ffa_keras export-saved-model --run_dir=run --output=served --warm_up
  openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 \
    -keyout key.pem -out certificate.pem 2>/dev/null
  coproc server {
    exec env/bin/python -I "$tests/serving/stand_in_server.py" \
      "$PWD/served/1" served certificate.pem key.pem 2>/dev/null
  }
  read -r http _ grpc _ <&"${server[0]}"
  for way in "http://127.0.0.1:$http" "grpc://127.0.0.1:$grpc"; do
    ffa_keras client --server="$way" --model_name=served \
      --input=eye/fundus.png --output="${way%%:*}.png"
  done
  cmp http.png grpc.png
  exec {server[1]}>&-
  wait "$server_PID"
}

use
[[ $extras != *,dicom,* ]] || use_dicom
[[ $extras != *,serving,* ]] || use_serving
