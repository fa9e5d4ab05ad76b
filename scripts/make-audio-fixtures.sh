#!/usr/bin/env bash
# Makes fixtures/audio: one tone of our own in every container and codec that the decoder meets, and manifest.csv with
# what a second decoder (ffmpeg) finds in each. Needs ffmpeg with libmp3lame, libvorbis and libopus.
#
#   scripts/make-audio-fixtures.sh
set -euo pipefail
cd "$(dirname "$0")/.."
out=fixtures/audio
mkdir -p "$out"
rm -f "$out"/*

encode() { # name, rate, channels, seconds, ffmpeg options ...
    local name=$1 rate=$2 channels=$3 seconds=$4
    shift 4
    # A tone of 440 Hz, on the right channel at half its height and an octave up.
    local tone="0.5*sin(2*PI*440*t)"
    [ "$channels" = 2 ] && tone="$tone|0.25*sin(2*PI*880*t)"
    ffmpeg -hide_banner -loglevel error -y -f lavfi -i "aevalsrc=$tone:s=$rate:d=$seconds" \
        -map_metadata -1 -metadata_header_padding 0 -fflags +bitexact -flags:a +bitexact "$@" "$out/$name"
}

encode tone-s16.flac 44100 1 0.2 -c:a flac -sample_fmt s16
encode tone-s24.flac 22050 2 0.1 -c:a flac -sample_fmt s32 -bits_per_raw_sample 24
encode tone.mp3 44100 1 0.3 -c:a libmp3lame -b:a 64k
encode tone-16k.mp3 16000 2 0.3 -c:a libmp3lame -b:a 32k
encode tone-vorbis.ogg 44100 1 0.3 -c:a libvorbis -q:a 1
encode tone-flac.ogg 16000 1 0.1 -c:a flac -sample_fmt s16 -f ogg
encode tone-aac.m4a 44100 1 0.3 -c:a aac -b:a 64k
encode tone-aac.aac 44100 1 0.3 -c:a aac -b:a 64k -f adts
encode tone-alac.m4a 16000 2 0.1 -c:a alac -sample_fmt s16p
encode tone-s16.aiff 16000 1 0.1 -c:a pcm_s16be
encode tone-s16.caf 16000 1 0.1 -c:a pcm_s16le
encode tone-vorbis.mka 44100 1 0.3 -c:a libvorbis -q:a 1
encode tone-ima.wav 16000 1 0.3 -c:a adpcm_ima_wav
encode tone-ms.wav 16000 1 0.3 -c:a adpcm_ms
encode tone-mp3.wav 22050 1 0.3 -c:a libmp3lame -b:a 32k
encode tone-rf64.wav 16000 1 0.1 -c:a pcm_s16le -rf64 always
encode tone-s24.w64 16000 2 0.05 -c:a pcm_s24le
# Refused by name.
encode tone-opus.opus 48000 1 0.1 -c:a libopus -b:a 24k
encode tone-opus.ogg 48000 1 0.1 -c:a libopus -b:a 24k -f ogg
encode tone-opus.webm 48000 1 0.1 -c:a libopus -b:a 24k

{
    echo "path,codec,sample_rate,channels,frames,peak"
    for file in "$out"/*; do
        IFS=, read -r codec rate channels < <(ffprobe -v error -select_streams a:0 \
            -show_entries stream=codec_name,sample_rate,channels -of csv=p=0 "$file")
        read -r frames peak < <(ffmpeg -v error -i "$file" -f f32le -c:a pcm_f32le - | python3 -c "
import array, sys
samples = array.array('f', sys.stdin.buffer.read())
print(len(samples) // $channels, '%.4f' % max(map(abs, samples)))")
        echo "$(basename "$file"),$codec,$rate,$channels,$frames,$peak"
    done
} > manifest.csv.tmp
mv manifest.csv.tmp "$out/manifest.csv"
ffmpeg -version | head -1 | cut -d' ' -f1-3 > "$out/made-with.txt"
ls -l "$out"
