#include "kernels/vendor/onednn.h"

#include "runtime/base/errors.h"

namespace dcgan::cpu {

const dnnl::engine& dnnl_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::memory::data_type dnnl_type(DType dtype) {
  return dtype == DType::bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
}

dnnl::primitive_attr dnnl_attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attributes.set_fpmath_mode(dnnl::fpmath_mode::strict);
  return attributes;
}

DnnlCall::DnnlCall(const dnnl::primitive& primitive, std::initializer_list<Argument> arguments,
                   const dnnl::memory::desc& scratchpad)
    : primitive_(primitive), stream_(dnnl_engine()), scratchpad_bytes_(scratchpad.get_size()) {
  for (const Argument& argument : arguments) {
    memories_.push_back(dnnl::memory(argument.description, dnnl_engine(), nullptr));
    arguments_.push_back({argument.name, memories_.back().get()});
  }
  memories_.push_back(dnnl::memory(scratchpad, dnnl_engine(), nullptr));
  arguments_.push_back({DNNL_ARG_SCRATCHPAD, memories_.back().get()});
}

void DnnlCall::run(std::initializer_list<const void*> data, std::byte* scratchpad) {
  DCGAN_CHECK(data.size() + 1 == memories_.size(), "oneDNN: {} pointers for {} arguments",
              data.size(), memories_.size() - 1);
  auto memory = memories_.begin();
  for (const void* each : data) (memory++)->set_data_handle(const_cast<void*>(each));
  memory->set_data_handle(scratchpad);
  const dnnl_status_t status = dnnl_primitive_execute(
      primitive_.get(), stream_.get(), static_cast<int>(arguments_.size()), arguments_.data());
  DCGAN_CHECK(status == dnnl_success, "oneDNN: a primitive failed with status {}",
              static_cast<int>(status));
}

DnnlCall make_product(const dnnl::memory::desc& left, const dnnl::memory::desc& right,
                      const dnnl::memory::desc& result, Result kind) {
  dnnl::primitive_attr attributes = dnnl_attributes();
  if (kind == Result::accumulate) {
    dnnl::post_ops after;
    after.append_sum(1.0f);
    attributes.set_post_ops(after);
  }
  const dnnl::matmul::primitive_desc description({left, right, result}, attributes, dnnl_engine());
  return {dnnl::matmul(description),
          {{DNNL_ARG_SRC, left}, {DNNL_ARG_WEIGHTS, right}, {DNNL_ARG_DST, result}},
          description.scratchpad_desc()};
}

}  // namespace dcgan::cpu
