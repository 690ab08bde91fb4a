# What ships: `npm install` and prebuildify build the addon from this file. The list of sources stands
# in native/sources.json, which native/CMakeLists.txt (development builds) reads too.
{
  "targets": [
    {
      "target_name": "trunkyard",
      "sources": [
        "<!@(node -p \"const s = require('./native/sources.json'); [...s.core, ...s.addon].join(' ')\")"
      ],
      "include_dirs": ["native"],
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
