#include "models/parity/trace_inputs.h"

#include <charconv>

#include "kernels/elementwise/convert.h"
#include "models/networks/state_dict.h"

namespace dcgan {
namespace {

// Row `index` of the outermost axis, as a tensor of its own.
HostTensor row(const HostTensor& tensor, std::int64_t index) {
  const Shape& shape = tensor.shape();
  HostTensor result(Shape(shape.begin() + 1, shape.rank() - 1), tensor.dtype());
  const Context host(Device{DeviceType::cpu, 0});
  const ConstTensorView from = tensor.view().rows(index, 1);
  copy(host, from.reshaped(result.shape()), result.view());
  return result;
}

}  // namespace

TraceInputs::TraceInputs(const SafetensorsFile& trace, const TrainingConfig& config,
                         const std::string& prefix)
    : trace_(trace), prefix_(prefix), real_(required("real")), noise_(required("noise")) {
  check_real(config.model);
  flatten_noise(config.model);
  if (has("real_labels") || trace.find("real_labels") != nullptr) labels_ = required("real_labels");
  const std::string path = trace.path().string();
  for (const std::int64_t step : steps_of("step")) steps_ = std::max(steps_, step);
  for (const std::int64_t state : steps_of("state")) {  // there is one behind the last update
    steps_ = std::max(steps_, (state - 1) / config.discriminator_steps);
  }
  if (steps_ == 0)
    fail(ErrorKind::bad_data, "{0}: no tensors {1}stepK.* or {1}stateU.*", path, prefix_);
  const std::int64_t updates = steps_ * config.discriminator_steps;
  if (updates > real_.shape()[0]) {
    fail(ErrorKind::bad_data, "{}: step {} with --d-steps {} needs {} batches, real has {}", path,
         steps_, config.discriminator_steps, updates, real_.shape()[0]);
  }
}

void TraceInputs::check_real(const ModelConfig& model) const {
  const std::string path = trace_.path().string();
  if (real_.shape().rank() != 5 || real_.dtype() != DType::f32) {
    fail(ErrorKind::bad_data, "{}: real is {} {}, expected f32 [updates, N, C, H, W]", path,
         name_of(real_.dtype()), to_string(real_.shape()));
  }
  const Shape expected{real_.shape()[0], batch(), model.channels, model.image_size,
                       model.image_size};
  if (!(real_.shape() == expected)) {
    fail(ErrorKind::bad_data, "{}: real is {}, the options' network takes {}", path,
         to_string(real_.shape()), to_string(expected));
  }
}

// To [updates, N, nz]: recorders keep the dimensions of an image.
void TraceInputs::flatten_noise(const ModelConfig& model) {
  const Shape wanted{noise_.shape()[0], batch(), model.nz, 1, 1};
  if (noise_.dtype() != DType::f32 || noise_.shape().elements() != wanted.elements() ||
      noise_.shape()[0] < real_.shape()[0]) {
    fail(ErrorKind::bad_data, "{}: noise is {}, expected f32 {}", trace_.path().string(),
         to_string(noise_.shape()), to_string(wanted));
  }
  HostTensor flat({noise_.shape()[0], batch(), model.nz}, DType::f32);
  copy(Context(Device{}), noise_.view().reshaped(flat.shape()), flat.view());
  noise_ = std::move(flat);
}

HostTensor TraceInputs::required(const std::string& name) const {
  return trace_.read(has(name) ? prefix_ + name : name);
}

std::set<std::int64_t> TraceInputs::steps_of(const std::string& kind) const {
  std::set<std::int64_t> steps;
  const std::string head = prefix_ + kind;
  for (const SafetensorsEntry& entry : trace_.entries()) {
    if (!entry.name.starts_with(head)) continue;
    std::int64_t step = 0;
    const char* begin = entry.name.data() + head.size();
    const auto [end, error] = std::from_chars(begin, entry.name.data() + entry.name.size(), step);
    if (error == std::errc{} && *end == '.' && step > 0) steps.insert(step);
  }
  return steps;
}

std::string TraceInputs::initial(const std::string& network) const {
  const std::string name = "init." + network + ".";
  for (const SafetensorsEntry& entry : trace_.entries()) {
    if (!prefix_.empty() && entry.name.starts_with(prefix_ + name)) return prefix_ + name;
  }
  return name;
}

HostTensor TraceInputs::real(std::int64_t update) const {
  return from_pytorch_layout(row(real_, update));
}
HostTensor TraceInputs::noise(std::int64_t update) const { return row(noise_, update); }
HostTensor TraceInputs::labels(std::int64_t update) const { return row(labels_, update); }

void TraceSource::select(const Context& /*context*/, std::int64_t first_update) {
  first_update_ = first_update;
}

void TraceSource::load(const Context& context, const StepUpdate& update, TensorView images) {
  upload_converted(context, inputs_.real(first_update_ + update.index), images);
}

void TraceSource::load_labels(const Context& context, const StepUpdate& update, TensorView labels) {
  upload_converted(context, inputs_.labels(first_update_ + update.index), labels);
}

void TraceSource::draw(const Context& context, std::int64_t index, TensorView z) {
  upload_converted(context, inputs_.noise(first_update_ + index), z);
}

void upload_converted(const Context& context, const HostTensor& from, const TensorView& to) {
  if (to.dtype == DType::f32) return upload(context, from.view().reshaped(to.shape), to);
  HostTensor narrow(to.shape, to.dtype);
  convert_type(Context(Device{}), from.view().reshaped(to.shape), narrow.view());
  upload(context, narrow.view(), to);
}

HostTensor download_converted(const Context& context, const TensorView& from) {
  HostTensor raw(from.shape, from.dtype);
  download(context, from, raw.view());
  if (from.dtype == DType::f32) return raw;
  HostTensor wide(from.shape, DType::f32);
  convert_type(Context(Device{}), raw.view(), wide.view());
  return wide;
}

}  // namespace dcgan
