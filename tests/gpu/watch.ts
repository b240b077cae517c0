/**
 * Counts what lives on a GPU at the place where it is made: WebGL2's textures and WebGPU's buffers, programs compiled, contexts opened.
 * It watches the interfaces themselves, so nothing that gpu.js makes behind our back is missed.
 */
export interface Watch {
  /** Textures or buffers alive. */
  memory(): number;
  /** Programs or pipelines compiled so far. */
  compiled(): number;
  /** Takes the newest context or device away, as a driver's reset does. */
  lose(): void;
}

export function watchWebGl2(): Watch {
  let textures = 0;
  let programs = 0;
  const contexts: WebGL2RenderingContext[] = [];
  const gl = WebGL2RenderingContext.prototype;
  const { createTexture, deleteTexture, linkProgram } = gl;
  gl.createTexture = function () {
    textures++;
    return createTexture.call(this);
  };
  gl.deleteTexture = function (texture) {
    if (texture && this.isTexture(texture)) textures--;
    deleteTexture.call(this, texture);
  };
  gl.linkProgram = function (program) {
    programs++;
    linkProgram.call(this, program);
  };
  const { getContext } = OffscreenCanvas.prototype;
  OffscreenCanvas.prototype.getContext = function (this: OffscreenCanvas, ...args: Parameters<typeof getContext>) {
    const context = getContext.apply(this, args);
    if (context instanceof WebGL2RenderingContext && !contexts.includes(context)) contexts.push(context);
    return context;
  } as typeof getContext;
  return {
    memory: () => textures,
    compiled: () => programs,
    lose: () => contexts.at(-1)?.getExtension("WEBGL_lose_context")?.loseContext(),
  };
}

/** The interfaces are globals of a browser; in Node they come with the provider. */
export function watchWebGpu(interfaces: {
  GPUAdapter: { prototype: GPUAdapter };
  GPUDevice: { prototype: GPUDevice };
  GPUBuffer: { prototype: GPUBuffer };
}): Watch {
  const alive = new Set<GPUBuffer>();
  let pipelines = 0;
  let newest: GPUDevice | undefined;
  const { GPUAdapter, GPUDevice, GPUBuffer } = interfaces;
  const { createBuffer, createComputePipeline } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    alive.add(buffer);
    return buffer;
  };
  GPUDevice.prototype.createComputePipeline = function (descriptor) {
    pipelines++;
    return createComputePipeline.call(this, descriptor);
  };
  const { destroy } = GPUBuffer.prototype;
  GPUBuffer.prototype.destroy = function () {
    alive.delete(this);
    return destroy.call(this);
  };
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    newest = await requestDevice.call(this, descriptor);
    return newest;
  };
  return { memory: () => alive.size, compiled: () => pipelines, lose: () => newest?.destroy() };
}
