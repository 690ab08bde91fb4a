#!/bin/sh
# Makes the speech that conceal_quality and talk_off listen to: eight synthetic voices, the same bytes on
# every machine with the same espeak-ng and sox (Debian packages of these names), through G.711 and back.
#
#   speech.sh FOLDER [SENTENCES]     FOLDER/VOICE.raw: 16-bit samples at 8,000 Hz
set -eu
folder=${1:?usage: speech.sh FOLDER [SENTENCES]}
sentences=${2:-8}
mkdir -p "$folder"
text=$(mktemp)
wav=$(mktemp)
trap 'rm -f "$text" "$wav"' EXIT

speak() { # name, voice, pitch 0..99, words a minute
  espeak-ng -v "$2" -p "$3" -s "$4" -f "$text" -w "$wav"
  # Level of a telephone line, its band, and the law's own noise.
  sox -R "$wav" -r 8000 -c 1 -t raw -e mu-law - gain -n -9 highpass 200 rate 8000 |
    sox -R -t raw -r 8000 -c 1 -e mu-law - -t raw -e signed -b 16 -L "$folder/$1.raw"
}

head -n "$sentences" >"$text" <<'END'
The night train to the coast leaves at a quarter past nine, and it is rarely late in winter.
Seven bright lamps hung over the harbour while the ships were loading oranges and wool.
Could you please tell me whether the order that I placed on Monday has been shipped?
He measured twice, cut once, and still the shelf came out shorter than the wall.
My grandmother kept bees behind the school, and every child in the village knew her by name.
We are sorry that you had to wait; one of our colleagues will be with you in a moment.
She found the yellow notebook under a pile of maps, exactly where nobody had looked.
For account questions press one, for deliveries press two, or stay on the line.
Five hundred and sixty one pounds is a fair price for a boat with such a mast.
The doctor asked him to breathe deeply, to hold it, and then to cough.
END
speak en-low en-us+m3 20 150
speak en-mid en-gb+m1 45 170
speak en-high en-us+f2 60 165
speak en-fast en-gb+f4 75 220
speak de de+m2 40 160
speak fr fr+f3 55 165
speak es es+m5 35 175
speak en-whisper en-us+whisper 50 150
