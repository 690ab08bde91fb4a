// Names of files as orders carry them.
#include "engine/file_port.h"

#include <algorithm>
#include <string>
#include <vector>

#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::engine;

bool reads(const std::string& text, std::string* out = nullptr) {
  std::vector<std::uint8_t> field(kFileNameBytesMax, 0);
  std::copy(text.begin(), text.end(), field.begin());
  FileName name;
  const bool ok = read_file_name(field, name);
  if (out != nullptr) *out = name.data();
  return ok;
}

TEST("a plain name is read as it is, up to the longest") {
  std::string name;
  CHECK_TRUE(reads("welcome-2.clip", &name));
  CHECK_EQ(name, "welcome-2.clip");
  CHECK_TRUE(reads("grüße.clip"));
  CHECK_TRUE(reads(std::string(kFileNameBytesMax, 'x'), &name));
  CHECK_EQ(name.size(), kFileNameBytesMax);
}

TEST("no name leads out of the folder or hides in it") {
  for (const char* name : {"", ".", "..", "../x", "/etc/passwd", "a/b", ".hidden", "a\nb", "a\x7f"})
    CHECK_FALSE(reads(name));
  std::vector<std::uint8_t> field(kFileNameBytesMax, 0);
  field[0] = 'a';
  field[2] = 'b';
  FileName read;
  CHECK_FALSE(read_file_name(field, read));
}

TEST("requests wait for their answers, and no more of them than there is room for") {
  FileRings rings;
  std::counting_semaphore<> bell(0);
  FilePort port(rings, bell);
  std::uint32_t asked = 0;
  while (port.ask({.kind = FileRequest::Kind::kLoadClip, .order = asked}))
    ++asked;
  CHECK_EQ(asked, kFileRequestsMax);
  SpscConsumer requests(rings.requests.ring());
  FileRequest request;
  CHECK_TRUE(requests.try_pop_record(request));
  CHECK_EQ(request.order, 0u);
  FileAnswer answer;
  CHECK_FALSE(port.next_answer(answer));
  SpscProducer answers(rings.answers.ring());
  CHECK_TRUE(answers.try_push_record(FileAnswer{.order = 7, .clip = 9}));
  REQUIRE(port.next_answer(answer));
  CHECK_EQ(answer.order, 7u);
  CHECK_EQ(answer.clip, 9u);
}

}  // namespace
