// libopus's encoder without its search for music. From complexity 7 on, libopus would ask a neural network whether it hears
// speech; for that each encoder carries 14 KB, a third of what it has, whatever its complexity. Telephone calls are speech,
// and memory is what a node with ten thousand of them runs out of first.
//
// The library has a switch for leaving it out, which its own configuration offers only without floating point: the same
// switch takes a conversion away that the rest of the file needs. So that comes first here. What the encoder makes below
// complexity 7 is the same, byte for byte, but for digital silence with DTX, which SILK then finds by itself.
#include "config.h"

#include "celt/float_cast.h"

#define DISABLE_FLOAT_API
// Named by a function that we don't call, as an argument that nobody looks at any more.
#define downmix_float downmix_int
#include "src/opus_encoder.c"
