# What ships: `npm install` and prebuildify build the addon from this file. The list of sources stands
# in native/sources.json, which native/CMakeLists.txt (development builds) reads too.
{
  "targets": [
    # libopus, from the source inside the package @discordjs/opus. gyp has no flags for single files, so
    # what needs -msse4.1 is a library of its own; whether the machine has it is asked at run time.
    {
      "target_name": "libopus_sse41",
      "type": "none",
      "conditions": [
        [
          "target_arch=='x64'",
          {
            "type": "static_library",
            "sources": ["<!@(node scripts/libopus.mjs sse4_1 <(target_arch))"],
            "include_dirs": ["<!@(node scripts/libopus.mjs includes <(target_arch))"],
            "defines": ["<!@(node scripts/libopus.mjs defines <(target_arch))"],
            "cflags": ["-O3", "-msse4.1", "-fvisibility=hidden", "-w"]
          }
        ]
      ]
    },
    {
      "target_name": "libopus",
      "type": "static_library",
      "dependencies": ["libopus_sse41"],
      "sources": ["<!@(node scripts/libopus.mjs plain <(target_arch))"],
      "include_dirs": ["<!@(node scripts/libopus.mjs includes <(target_arch))"],
      "defines": ["<!@(node scripts/libopus.mjs defines <(target_arch))"],
      # Not ours to be warned about, hence -w.
      "cflags": ["-O3", "-fvisibility=hidden", "-w"]
    },
    {
      "target_name": "trunkyard",
      "dependencies": ["libopus"],
      "sources": [
        "<!@(node -p \"const s = require('./native/sources.json'); [...s.core, ...s.addon].join(' ')\")"
      ],
      "include_dirs": ["native", "<!@(node scripts/libopus.mjs public <(target_arch))"],
      "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS"],
      # Node's common.gypi chooses another standard and may turn exceptions and RTTI on; off they go.
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fexceptions", "-frtti"],
      "cflags_cc": [
        "-std=c++20",
        "-O3",
        "-fvisibility=hidden",
        "-fno-exceptions",
        "-fno-rtti",
        "-Wall",
        "-Wextra",
        # Not ours to be warned about, hence a system include.
        "<!(node -p \"'-isystem' + require('path').resolve(require('node-addon-api').include_dir)\")"
      ],
      # Without it, symbols of static libraries would be exported from the addon and could meet others.
      "ldflags": ["-Wl,--exclude-libs,ALL"],
      "libraries": ["-lrt"]
    }
  ]
}
