#include "models/api/caller_memory.h"

#include "models/api/sized_struct.h"
#include "runtime/base/mebibytes.h"
#include "runtime/device/alignment.h"

namespace dcgan::api {
namespace {

class CallerMemory final : public MemoryResource {
 public:
  explicit CallerMemory(const dcgan_memory_resource& given) : given_(given) {}

  std::byte* allocate(std::size_t bytes) override {
    void* data = given_.allocate(given_.user, bytes, kMemoryAlignment);
    if (data == nullptr) {
      fail(ErrorKind::unavailable, "memory: the caller's resource has no {} bytes ({:.1f} MiB)",
           bytes, mebibytes(bytes));
    }
    return static_cast<std::byte*>(data);
  }
  void release(std::byte* data, std::size_t bytes) noexcept override {
    given_.release(given_.user, data, bytes);
  }

 private:
  dcgan_memory_resource given_;
};

}  // namespace

std::shared_ptr<MemoryResource> caller_memory(const dcgan_memory_resource* given) {
  if (given == nullptr) return nullptr;
  const dcgan_memory_resource resource = read_struct(given, "dcgan_memory_resource");
  if (resource.allocate == nullptr || resource.release == nullptr) {
    misuse("dcgan_memory_resource has no {} function",
           resource.allocate == nullptr ? "allocate" : "release");
  }
  return std::make_shared<CallerMemory>(resource);
}

}  // namespace dcgan::api
