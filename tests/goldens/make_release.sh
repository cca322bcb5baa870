#!/usr/bin/env bash
# Make tests/goldens/release: what this release writes, and later ones must read.
# usage, from the repository's root: tests/goldens/make_release.sh
set -euo pipefail
out=tests/goldens/release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$out"
mkdir -p "$out"
python -m datasets.ffa_pairs --config=phantom --num_pairs=8 --image_size=96 \
  --data_dir="$out/data"
# Stopped after its first epoch, by the signal that asks for it.
python train_main.py --dataset_dir="$out/data" --run_dir="$out/run" \
  --num_filters=4 --num_blocks=1 --discriminator_filters=4 \
  --perceptual_weight=0 --patch_height=48 --patch_width=48 \
  --patch_sampling=random --patches_per_pair=100 --constant_epochs=1 \
  --decay_epochs=1 --keep_checkpoints=1 --num_pictures=0 --deterministic &
until [ -e "$out/run/generator.keras" ]; do sleep 0.2; done
kill -TERM $!
wait $! || [ $? -eq 75 ]
python -m export.saved_model --run_dir="$out/run" --output="$work/saved_model"
mv "$work/saved_model" "$out/saved_model"
python -m export.tflite --run_dir="$out/run" --output="$out/generator.tflite"
python -m ffa_keras.phantom --seed=7 --category=large_focal --size=96 \
  --output="$work/eye"
python -m ffa_keras.inference --model="$out/run" "$work/eye/fundus.png" \
  --output="$work/answer"
mv "$work/eye/fundus.png" "$out/fundus.png"
mv "$work/answer/fundus.png" "$out/ffa.png"
rm -rf "$out"/run/{train,validation,events*}
find "$out" -type f | xargs ls -l
