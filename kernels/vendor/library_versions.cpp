#include <fmt/format.h>

#include <dnnl.hpp>

#include "kernels/vendor/library_versions.h"
#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"

namespace dcgan {
namespace {

std::string isa_name() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      return "sse41";
    case dnnl::cpu_isa::avx:
      return "avx";
    case dnnl::cpu_isa::avx2:
      return "avx2";
    case dnnl::cpu_isa::avx2_vnni:
      return "avx2_vnni";
    case dnnl::cpu_isa::avx512_core:
      return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl::cpu_isa::avx512_core_amx:
      return "avx512_core_amx";
    default:
      return "generic code";
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> library_versions() {
  const dnnl_version_t* version = dnnl_version();
  std::vector<std::pair<std::string, std::string>> versions{
      {"oneDNN", fmt::format("{}.{}.{}, code for {}", version->major, version->minor,
                             version->patch, isa_name())}};
  if constexpr (kHasCuda && !kEmulated) {
    for (auto& entry : cuda::library_versions()) versions.push_back(std::move(entry));
  }
  return versions;
}

bool cpu_computes_bf16(std::string* why) {
  const auto has = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  const bool able = (has & wanted) == wanted;
  if (!able && why != nullptr) {
    *why =
        "needs AVX512-BF16 (with AVX512 F, BW, VL, DQ and VNNI), which this processor or "
        "ONEDNN_MAX_CPU_ISA does not offer";
  }
  return able;
}

void require_cpu_bf16(const char* operation) {
  std::string why;
  if (cpu_computes_bf16(&why)) return;
  fail(ErrorKind::unavailable, "{}: bf16 on the CPU {}; use fp32", operation, why);
}

}  // namespace dcgan
