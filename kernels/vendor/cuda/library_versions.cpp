#include "kernels/vendor/library_versions.h"

#include <cublasLt.h>
#include <cudnn_graph_v9.h>
#include <dlfcn.h>
#include <fmt/format.h>

namespace dcgan::cuda {
namespace {

/// cuDNN, cuBLAS and NCCL write 9.19.0 as 91900, 13.1.0 as 130100, 2.28.9 as 22809.
std::string version_text(std::size_t version) {
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

/// The file that a function was loaded from.
std::string file_of(const void* function) {
  Dl_info info{};
  if (dladdr(function, &info) == 0 || info.dli_fname == nullptr) return "an unknown file";
  return info.dli_fname;
}

std::string linked(std::size_t loaded, std::size_t built_with, const void* function) {
  return fmt::format("{} from {}, built with {}", version_text(loaded), file_of(function),
                     version_text(built_with));
}

/// A library that is not linked: looked for as those that need it do. It stays loaded.
std::string opened(const char* name, const char* function,
                   std::string (*version_of)(const void* function)) {
  void* library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return fmt::format("not found ({})", name);
  const void* address = dlsym(library, function);
  if (address == nullptr) return fmt::format("{} has no {}", name, function);
  return fmt::format("{} from {}", version_of(address), file_of(address));
}

std::string nccl_version(const void* function) {
  int version = 0;
  const auto get = reinterpret_cast<int (*)(int*)>(const_cast<void*>(function));
  return get(&version) == 0 ? version_text(static_cast<std::size_t>(version)) : "unknown";
}

std::string nvrtc_version(const void* function) {
  int major = 0, minor = 0;
  const auto get = reinterpret_cast<int (*)(int*, int*)>(const_cast<void*>(function));
  return get(&major, &minor) == 0 ? fmt::format("{}.{}", major, minor) : "unknown";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> library_versions() {
  const auto address = [](auto* function) { return reinterpret_cast<const void*>(function); };
  const std::string nvrtc = fmt::format("libnvrtc.so.{}", cublasLtGetVersion() / 10000);
  return {{"cuDNN", linked(cudnnGetVersion(), CUDNN_VERSION, address(&cudnnGetVersion))},
          {"cuBLASLt", linked(cublasLtGetVersion(), CUBLAS_VERSION, address(&cublasLtGetVersion))},
          {"NVRTC", opened(nvrtc.c_str(), "nvrtcVersion", nvrtc_version)},
          {"NCCL", opened("libnccl.so.2", "ncclGetVersion", nccl_version)}};
}

}  // namespace dcgan::cuda
