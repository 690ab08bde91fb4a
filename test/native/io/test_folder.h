// A directory of its own for a test, gone with all that is in it when the test is over.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace test {

class TestFolder {
 public:
  /// @param under where it is made; null, or where there is no such directory, with other temporary
  ///              files.
  explicit TestFolder(const char* under = nullptr) {
    const bool is_there = under != nullptr && std::filesystem::is_directory(under);
    const auto place =
        is_there ? std::filesystem::path(under) : std::filesystem::temp_directory_path();
    std::string name = (place / "trunkyard-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TestFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  [[nodiscard]] const char* path() const { return path_.c_str(); }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] std::vector<std::uint8_t> contents(const std::string& name) const {
    std::ifstream file(this->file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void write(const std::string& name, const std::vector<std::uint8_t>& bytes) const {
    std::ofstream file(this->file(name), std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }

 private:
  std::string path_;
};

}  // namespace test
