#include "kernel/bpf.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace trunkyard::kernel {

namespace {

/// BPF_TCX_INGRESS, which headers before Linux 6.6 don't have.
constexpr std::uint32_t kAttachTcxIngress = 46;
/// The project's. The kernel keeps some helpers for programs under its own licence; ours use none
/// of those.
constexpr const char* kLicence = "MIT";

std::uint64_t address_of(const void* pointer) noexcept {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

/// bpf(2); -1 with errno set when it failed.
int bpf(int command, bpf_attr& attributes) noexcept {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

Error refused(const char* step, Obstacle& obstacle) noexcept {
  obstacle.step = step;
  obstacle.error = errno;
  return Error{ErrorCode::kSystemCallFailed};
}

template <std::size_t Size>
void copy_name(char (&into)[Size], const char* name) noexcept {
  std::strncpy(into, name, Size - 1);
}

Result<io::File> create_map(bpf_attr& attributes, Obstacle& obstacle) noexcept {
  io::File file(bpf(BPF_MAP_CREATE, attributes));
  if (!file.open()) return refused("bpf(BPF_MAP_CREATE)", obstacle);
  return file;
}

const char* remedy(const Obstacle& obstacle) noexcept {
  const std::string_view step = obstacle.step;
  switch (obstacle.error) {
    case EPERM:
      return "; the media process needs CAP_BPF and CAP_NET_ADMIN, and in a container a seccomp "
             "profile that lets bpf(2) through";
    case ENOSYS:
      return "; this kernel was built without bpf(2)";
    case EINVAL:
      if (step == "bpf(BPF_LINK_CREATE)") return "; tcx links need Linux 6.6 or later";
      break;
    case EPROTONOSUPPORT:
      return "; only Ethernet interfaces and the loopback are served";
    default:
      break;
  }
  return step == "bpf(BPF_PROG_LOAD)" ? "; the kernel's verifier refused the program" : "";
}

}  // namespace

std::string describe(const Obstacle& obstacle) {
  std::string text = obstacle.step;
  if (obstacle.interface[0] != '\0') text.append(" on ").append(obstacle.interface.data());
  return text.append(": ").append(std::strerror(obstacle.error)).append(remedy(obstacle));
}

Result<io::File> create_hash_map(const char* name, std::uint32_t key_bytes,
                                 std::uint32_t value_bytes, std::uint32_t entries,
                                 Obstacle& obstacle) noexcept {
  bpf_attr attributes = {};
  attributes.map_type = BPF_MAP_TYPE_HASH;
  attributes.key_size = key_bytes;
  attributes.value_size = value_bytes;
  attributes.max_entries = entries;
  copy_name(attributes.map_name, name);
  return create_map(attributes, obstacle);
}

Result<io::File> create_shared_array(const char* name, std::uint32_t value_bytes,
                                     std::uint32_t entries, Obstacle& obstacle) noexcept {
  bpf_attr attributes = {};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = sizeof(std::uint32_t);
  attributes.value_size = value_bytes;
  attributes.max_entries = entries;
  attributes.map_flags = BPF_F_MMAPABLE;
  copy_name(attributes.map_name, name);
  return create_map(attributes, obstacle);
}

Result<void> map_insert(int map, Bytes key, Bytes value, Obstacle& obstacle) noexcept {
  bpf_attr attributes = {};
  attributes.map_fd = static_cast<std::uint32_t>(map);
  attributes.key = address_of(key.data());
  attributes.value = address_of(value.data());
  attributes.flags = BPF_NOEXIST;
  if (bpf(BPF_MAP_UPDATE_ELEM, attributes) != 0) {
    return refused("bpf(BPF_MAP_UPDATE_ELEM)", obstacle);
  }
  return {};
}

Result<void> map_erase(int map, Bytes key, Obstacle& obstacle) noexcept {
  bpf_attr attributes = {};
  attributes.map_fd = static_cast<std::uint32_t>(map);
  attributes.key = address_of(key.data());
  if (bpf(BPF_MAP_DELETE_ELEM, attributes) != 0) {
    return refused("bpf(BPF_MAP_DELETE_ELEM)", obstacle);
  }
  return {};
}

Result<io::File> load_ingress_program(std::span<const Instruction> program, const char* name,
                                      Obstacle& obstacle) noexcept {
  static_assert(sizeof(Instruction) == sizeof(bpf_insn));
  bpf_attr attributes = {};
  attributes.prog_type = BPF_PROG_TYPE_SCHED_CLS;
  attributes.insns = address_of(program.data());
  attributes.insn_cnt = static_cast<std::uint32_t>(program.size());
  attributes.license = address_of(kLicence);
  copy_name(attributes.prog_name, name);
  io::File file(bpf(BPF_PROG_LOAD, attributes));
  if (!file.open()) return refused("bpf(BPF_PROG_LOAD)", obstacle);
  return file;
}

Result<io::File> attach_ingress(int program, std::uint32_t interface_index,
                                Obstacle& obstacle) noexcept {
  bpf_attr attributes = {};
  attributes.link_create.prog_fd = static_cast<std::uint32_t>(program);
  attributes.link_create.target_ifindex = interface_index;
  attributes.link_create.attach_type = kAttachTcxIngress;
  io::File file(bpf(BPF_LINK_CREATE, attributes));
  if (!file.open()) return refused("bpf(BPF_LINK_CREATE)", obstacle);
  return file;
}

Result<SharedArray> SharedArray::map(int map, std::size_t bytes, Obstacle& obstacle) noexcept {
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
  if (at == MAP_FAILED) return refused("mmap of a BPF map", obstacle);
  return SharedArray(MutableBytes{static_cast<std::uint8_t*>(at), bytes});
}

SharedArray::SharedArray(SharedArray&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

SharedArray& SharedArray::operator=(SharedArray&& other) noexcept {
  if (this != &other) {
    unmap();
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

SharedArray::~SharedArray() {
  unmap();
}

void SharedArray::unmap() noexcept {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
  bytes_ = {};
}

}  // namespace trunkyard::kernel
