#!/usr/bin/env bash
# Makes office.flac and office.csv from openly licensed sounds of Debian 12 and PyPI packages (README.md names their authors), layout.csv
# and our own synthesiser. The same packages give the same bytes.
# Run in the project's folder after `npm ci`; needs apt, sox with libsox-fmt-all, flac, unzip, python3 with pip, and 300 MB in /tmp.
set -euo pipefail
cd "$(dirname "$0")/.."
work=${1:-/tmp/earshot-recording}
sounds=$work/corpus/events
mkdir -p "$work/packages" "$sounds" "$work/corpus/scenes"
rm -rf "$work/scene"

fetch() { # a Debian package's files under $work/NAME
  [ -d "$work/$1" ] && return
  (cd "$work/packages" && apt-get download -qq "$1")
  mkdir -p "$work/$1.partial"
  dpkg -x "$work"/packages/"$1"_*.deb "$work/$1.partial"
  mv "$work/$1.partial" "$work/$1"
}
for package in asterisk-core-sounds-en-wav flare-game libjs-jsxc minetest-data openclonk-data pocketsphinx-testdata scratch \
  sonic-pi-samples ufoai-sound; do
  fetch "$package"
done
[ -d "$work/keyboardsounds" ] || {
  pip download -q --no-deps --dest "$work/packages" keyboardsounds==6.4.3
  unzip -q "$work"/packages/keyboardsounds-*.whl -d "$work/keyboardsounds"
}
[ -d "$work/openclonk" ] || python3 recordings/unpack_openclonk.py \
  "$work/openclonk-data/usr/share/games/openclonk/Sound.ocg" "$work/openclonk"
[ -d "$work/ufo" ] || unzip -q "$work/ufoai-sound/usr/share/games/ufoai/base/0snd.pk3" 'sound/doors/*' -d "$work/ufo"

clonk=$work/openclonk
scratch=$work/scratch/usr/share/scratch/Media/Sounds
flare=$work/flare-game/usr/share/games/flare/mods/fantasycore/soundfx/inventory
minetest=$work/minetest-data/usr/share/games/minetest/games/minetest_game/mods/default/sounds
rotary=$work/libjs-jsxc/usr/share/libjs-jsxc/sound/Rotary-Phone6.mp3
speech=$work/asterisk-core-sounds-en-wav/usr/share/asterisk/sounds/en_US_f_Allison
wood=$clonk/Hits.ocg/Materials.ocg/Wood.ocg

# sound NAME FILE EFFECT...: one mono sound, 44.1 kHz; -R makes the dither repeatable
sound() { sox -R "$2" -r 44100 -c 1 -b 16 "$sounds/$1.wav" "${@:3}" 2>/dev/null; }
# strung NAME FILE START,GAIN...: one stroke repeated
strung() {
  local strokes=() name=$1 file=$2
  for stroke in "${@:3}"; do
    strokes+=("|sox -R $file -r 44100 -c 1 -p vol ${stroke#*,} pad ${stroke%,*} 0")
  done
  sox -R -m "${strokes[@]}" -b 16 "$sounds/$name.wav" norm -6 2>/dev/null
}
# typed NAME PROFILE: strokes of one keyboard, each pressed and released
typed() {
  local keys=$work/keyboardsounds/keyboardsounds/profiles/$2 strokes=() at=0 i=0
  local -r gaps=(0.13 0.19 0.11 0.24 0.15 0.12 0.21 0.14 0.17 0.12 0.20 0.15)
  for gap in "${gaps[@]}"; do
    strokes+=("|sox -R $keys/press_key$((i % 5 + 1)).mp3 -r 44100 -c 1 -p vol 0.$((60 + i * 17 % 40)) pad $at 0")
    strokes+=("|sox -R $keys/release_key.mp3 -r 44100 -c 1 -p vol 0.5 pad $(awk "BEGIN{print $at+0.09}") 0")
    at=$(awk "BEGIN{print $at+$gap}")
    i=$((i + 1))
  done
  sox -R -m "${strokes[@]}" -b 16 "$sounds/$1.wav" norm -6 2>/dev/null
}

strung knock-dull "$wood/DullWoodHit1.ogg" 0,.8 .19,.9 .38,1
strung knock-light "$wood/DullWoodHit2.ogg" 0,.9 .16,1 .33,.8 .5,.9
sound drawer-chest "$clonk/Structures.ocg/Chest.ocg/Open.ogg" norm -6
sox -R "$minetest/default_chest_open.ogg" "$minetest/default_chest_close.ogg" -r 44100 -c 1 -b 16 "$sounds/drawer-minetest.wav" norm -6 2>/dev/null
sound phone-rotary "$rotary" remix 1,2 trim 0.05 2 fade 0.005 0 0.02 norm -6
sound phone-ringing "$rotary" remix 1,2 trim 6 1.8 fade 0.005 0 0.1 norm -6
sox -R -t raw -r 16000 -e signed -b 16 -c 1 "$work/pocketsphinx-testdata/usr/share/pocketsphinx/test/data/goforward.raw" \
  -r 44100 -b 16 "$sounds/speech-forward.wav" silence 1 0.01 2% reverse silence 1 0.01 2% reverse norm -4 2>/dev/null
sound speech-welcome "$speech/demo-congrats.wav" trim 0 2.2 fade 0.01 0 0.05 norm -4
sound speech-options "$speech/vm-options.wav" trim 0 2 fade 0.01 0 0.05 norm -4
typed keyboard-brown mx-brown
typed keyboard-red gateron-red-ink
typed keyboard-alpaca alpaca
sound laughter-female "$scratch/Human/Laugh-female.wav" norm -4
sound laughter-chuckle "$scratch/Human/Laugh-male1.wav" norm -4
sound laughter-loud "$scratch/Human/Laugh-male2.wav" norm -4
sound laughter-male "$scratch/Human/Laugh-male3.mp3" silence 1 0.005 0.5% norm -4
sound cough-male "$scratch/Human/Cough-male.wav" norm -4
sound cough-female "$scratch/Human/Cough-female.wav" norm -4
sound doorslam-wood "$work/sonic-pi-samples/usr/share/sonic-pi/samples/perc_door.flac" remix 1,2 trim 0 0.6 fade 0.002 0 0.1 norm -3
sound doorslam-heavy "$work/ufo/sound/doors/door1-close.ogg" trim 0.05 0.5 fade 0.005 0 0.1 norm -3
sound pageturn-twice "$flare/inventory_page.ogg" norm -6 repeat 1
sound pageturn-slow "$flare/inventory_page.ogg" speed 0.8 norm -6 repeat 1
sound keys-heavy "$clonk/UI.ocg/UnCash2.wav" remix 1,2 silence 1 0.005 1% trim 0 0.5 fade 0 0.5 0.1 norm -6
sound keys-light "$flare/inventory_coins.ogg" norm -6

scene=split1_ir0_ov2_1
{
  echo sound_event_recording,start_time,end_time,ele,azi,dist,sample
  tail -n +2 recordings/layout.csv | while IFS=, read -r name class start azimuth elevation distance; do
    end=$(awk "BEGIN{printf \"%.6f\", $start + $(soxi -D "$sounds/$name.wav")}")
    echo "$class,$start,$end,$elevation,$azimuth,$distance,$name"
  done
} >"$work/corpus/scenes/$scene.csv"

[ -f dist/tools/cli.js ] || npm run build
node bin/earshot.js data synth --corpus "$work/corpus" --out "$work/scene" --format foa --normalization sn3d --jobs 1
# 8 dB down: the ambience then needs a bit and a half less per sample, and still stands 30 dB above the 16-bit rounding
sox -D "$work/scene/foa_dev/$scene.wav" -t raw -e signed -b 16 -L "$work/office.raw" gain -8
flac -8 -s -f --force-raw-format --endian=little --sign=signed --channels=4 --bps=16 --sample-rate=48000 \
  -o recordings/office.flac "$work/office.raw"
cp "$work/scene/metadata_dev/$scene.csv" recordings/office.csv
ls -l recordings/office.flac recordings/office.csv
