/**
 * Counts what lives on a GPU at the place where it is made: WebGL2's textures and WebGPU's buffers, programs compiled, contexts opened,
 * bytes uploaded.
 * It watches the interfaces themselves, so nothing that gpu.js makes behind our back is missed.
 */
export interface Watch {
  /** Textures or buffers alive. */
  memory(): number;
  /** Programs or pipelines compiled so far. */
  compiled(): number;
  /** The shaders that a driver is given while `run` runs, as text. Not kept otherwise: what watches memory must not fill it. */
  shadersOf(run: () => Promise<void>): Promise<string[]>;
  /** Bytes of arrays copied to the device so far. */
  uploaded(): number;
  /** Takes the newest context or device away, as a driver's reset does. */
  lose(): void;
}

function shaderLog(): { given(source: string): void; of: Watch["shadersOf"] } {
  let log: string[] | undefined;
  return {
    given: (source) => void log?.push(source),
    async of(run) {
      log = [];
      try {
        await run();
        return log;
      } finally {
        log = undefined;
      }
    },
  };
}

export function watchWebGl2(): Watch {
  let textures = 0;
  let programs = 0;
  let uploaded = 0;
  const shaders = shaderLog();
  let newest: WeakRef<WebGL2RenderingContext> | undefined;
  const gl = WebGL2RenderingContext.prototype;
  const { createTexture, deleteTexture, linkProgram, shaderSource } = gl;
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
  gl.shaderSource = function (shader, source) {
    shaders.given(source);
    shaderSource.call(this, shader, source);
  };
  // Both take their pixels last, if they take any.
  const counted = <F extends (...args: never[]) => void>(upload: F): F =>
    function (this: WebGL2RenderingContext, ...args: never[]) {
      uploaded += args.reduce(
        (sum, arg) => sum + (ArrayBuffer.isView(arg) ? (arg as ArrayBufferView).byteLength : 0),
        0,
      );
      upload.apply(this, args);
    } as F;
  gl.texImage2D = counted(gl.texImage2D);
  gl.texSubImage2D = counted(gl.texSubImage2D);
  const { getContext } = OffscreenCanvas.prototype;
  OffscreenCanvas.prototype.getContext = function (this: OffscreenCanvas, ...args: Parameters<typeof getContext>) {
    const context = getContext.apply(this, args);
    if (context instanceof WebGL2RenderingContext) newest = new WeakRef(context);
    return context;
  } as typeof getContext;
  return {
    memory: () => textures,
    compiled: () => programs,
    shadersOf: shaders.of,
    uploaded: () => uploaded,
    lose: () => newest?.deref()?.getExtension("WEBGL_lose_context")?.loseContext(),
  };
}

/** The interfaces are globals of a browser; in Node they come with the provider. */
export function watchWebGpu(interfaces: {
  GPUAdapter: { prototype: GPUAdapter };
  GPUDevice: { prototype: GPUDevice };
  GPUBuffer: { prototype: GPUBuffer };
  GPUQueue: { prototype: GPUQueue };
}): Watch {
  const alive = new Set<GPUBuffer>();
  let pipelines = 0;
  let uploaded = 0;
  const shaders = shaderLog();
  let newest: GPUDevice | undefined;
  const { GPUAdapter, GPUDevice, GPUBuffer, GPUQueue } = interfaces;
  const { createBuffer, createComputePipeline, createShaderModule } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    alive.add(buffer);
    if (descriptor.mappedAtCreation) uploaded += descriptor.size;
    return buffer;
  };
  GPUDevice.prototype.createShaderModule = function (descriptor) {
    shaders.given(descriptor.code);
    return createShaderModule.call(this, descriptor);
  };
  const { writeBuffer } = GPUQueue.prototype;
  GPUQueue.prototype.writeBuffer = function (...args: Parameters<typeof writeBuffer>) {
    const [, , values, , size] = args;
    uploaded += size ?? values.byteLength;
    return writeBuffer.apply(this, args);
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
  return {
    memory: () => alive.size,
    compiled: () => pipelines,
    shadersOf: shaders.of,
    uploaded: () => uploaded,
    lose: () => newest?.destroy(),
  };
}
