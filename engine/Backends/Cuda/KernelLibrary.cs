namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// The kernels of one context: compiled when first asked for, or read from the cache, and kept. Finding one again compares a few
/// strings and allocates nothing.
/// </summary>
/// <param name="context">Where they are loaded.</param>
/// <param name="cache">Where compiled ones are kept between runs.</param>
internal sealed class KernelLibrary(CudaContext context, CubinCache cache) : IDisposable
{
    private readonly CudaRuntimeCompiler _compiler = new(context.Device.Libraries.Nvrtc);
    private readonly Dictionary<int, List<Entry>> _kernels = [];
    private readonly Dictionary<string, CudaModule> _modules = [];
    private string? _architecture;

    /// <summary>Cubins compiled so far; the others came from the cache.</summary>
    public int Compilations { get; private set; }

    /// <summary>Names of the kernels that were asked for so far.</summary>
    public IEnumerable<string> Used => _kernels.Values.SelectMany(bucket => bucket).Select(entry => entry.Name);

    /// <summary>What is compiled for.</summary>
    public string Architecture => _architecture ??= _compiler.Architecture(context.Device.Capability);

    /// <summary>Finds a kernel.</summary>
    /// <param name="family">Name of its .cu file without ending.</param>
    /// <param name="entry">Name of the function.</param>
    /// <param name="constants">-D constants that the family is specialised by.</param>
    public CudaKernel Get(string family, string entry, params ReadOnlySpan<(string Name, int Value)> constants)
    {
        var hash = HashCode.Combine(string.GetHashCode(family, StringComparison.Ordinal), string.GetHashCode(entry, StringComparison.Ordinal));
        foreach (var (name, value) in constants)
        {
            hash = HashCode.Combine(hash, string.GetHashCode(name, StringComparison.Ordinal), value);
        }

        if (!_kernels.TryGetValue(hash, out var bucket))
        {
            _kernels.Add(hash, bucket = []);
        }

        foreach (var known in bucket)
        {
            if (known.Family == family && known.Name == entry && constants.SequenceEqual(known.Constants))
            {
                return known.Kernel;
            }
        }

        var module = Module(new KernelSpecification(family, constants.ToArray(), Architecture));
        var kernel = module.Kernel(entry);
        bucket.Add(new Entry(family, entry, constants.ToArray(), kernel));
        return kernel;
    }

    /// <summary>Unloads all.</summary>
    public void Dispose()
    {
        foreach (var module in _modules.Values)
        {
            module.Dispose();
        }

        _modules.Clear();
        _kernels.Clear();
    }

    private CudaModule Module(KernelSpecification kernel)
    {
        var name = kernel.ToString();
        if (_modules.TryGetValue(name, out var loaded))
        {
            return loaded;
        }

        // Libraries at other places may differ though their versions agree: the emulator's folder carries a hash of its sources.
        var key = CubinCache.Key(kernel, $"{_compiler.Version} {Path.GetFileName(Path.GetDirectoryName(context.Device.Libraries.Nvrtc.Library.Path))}");
        var image = cache.Read(key);
        if (image is null)
        {
            image = _compiler.Compile(kernel).Image;
            Compilations++;
            cache.Write(key, image);
        }

        var module = new CudaModule(context, image, name);
        _modules.Add(name, module);
        return module;
    }

    private sealed record Entry(string Family, string Name, (string Name, int Value)[] Constants, CudaKernel Kernel);
}
