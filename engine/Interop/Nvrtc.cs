using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Interop;

/// <summary>The functions of NVRTC, the run-time compiler, that the engine calls.</summary>
internal sealed unsafe class Nvrtc
{
    private const int CompilationFailed = 6, BuiltinFailure = 7;

    private readonly delegate* unmanaged<int*, int*, int> _version;
    private readonly delegate* unmanaged<int, byte*> _getErrorString;
    private readonly delegate* unmanaged<int*, int> _getNumSupportedArchs;
    private readonly delegate* unmanaged<int*, int> _getSupportedArchs;
    private readonly delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int> _createProgram;
    private readonly delegate* unmanaged<nint*, int> _destroyProgram;
    private readonly delegate* unmanaged<nint, int, byte**, int> _compileProgram;
    private readonly delegate* unmanaged<nint, nuint*, int> _getCubinSize;
    private readonly delegate* unmanaged<nint, byte*, int> _getCubin;
    private readonly delegate* unmanaged<nint, nuint*, int> _getPtxSize;
    private readonly delegate* unmanaged<nint, byte*, int> _getPtx;
    private readonly delegate* unmanaged<nint, nuint*, int> _getLogSize;
    private readonly delegate* unmanaged<nint, byte*, int> _getLog;

    /// <summary>Resolves the functions.</summary>
    /// <param name="library">The compiler's library.</param>
    /// <exception cref="LdaeException">Device: a function is missing.</exception>
    public Nvrtc(LoadedLibrary library)
    {
        Library = library;
        _version = (delegate* unmanaged<int*, int*, int>)library.Export("nvrtcVersion");
        _getErrorString = (delegate* unmanaged<int, byte*>)library.Export("nvrtcGetErrorString");
        _getNumSupportedArchs = (delegate* unmanaged<int*, int>)library.Export("nvrtcGetNumSupportedArchs");
        _getSupportedArchs = (delegate* unmanaged<int*, int>)library.Export("nvrtcGetSupportedArchs");
        _createProgram = (delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int>)library.Export("nvrtcCreateProgram");
        _destroyProgram = (delegate* unmanaged<nint*, int>)library.Export("nvrtcDestroyProgram");
        _compileProgram = (delegate* unmanaged<nint, int, byte**, int>)library.Export("nvrtcCompileProgram");
        _getCubinSize = (delegate* unmanaged<nint, nuint*, int>)library.Export("nvrtcGetCUBINSize");
        _getCubin = (delegate* unmanaged<nint, byte*, int>)library.Export("nvrtcGetCUBIN");
        _getPtxSize = (delegate* unmanaged<nint, nuint*, int>)library.Export("nvrtcGetPTXSize");
        _getPtx = (delegate* unmanaged<nint, byte*, int>)library.Export("nvrtcGetPTX");
        _getLogSize = (delegate* unmanaged<nint, nuint*, int>)library.Export("nvrtcGetProgramLogSize");
        _getLog = (delegate* unmanaged<nint, byte*, int>)library.Export("nvrtcGetProgramLog");
        int major, minor;
        Check(_version(&major, &minor), $"nvrtcVersion()");
        Version = new Version(major, minor);
        Architectures = ReadArchitectures();
    }

    /// <summary>Where it was loaded from.</summary>
    public LoadedLibrary Library { get; }

    /// <summary>Its CUDA version.</summary>
    public Version Version { get; }

    /// <summary>Architectures it compiles for (80 is sm_80), ascending.</summary>
    public IReadOnlyList<int> Architectures { get; }

    /// <summary>Compiles a source.</summary>
    /// <param name="name">Name of the source in messages.</param>
    /// <param name="source">The text.</param>
    /// <param name="headers">Headers, by the names that include directives use.</param>
    /// <param name="options">Compiler options.</param>
    /// <param name="wantsPtx">PTX (with a final zero) instead of a cubin.</param>
    /// <returns>What the driver loads, and the compiler's log.</returns>
    /// <exception cref="LdaeException">Run: the source does not compile; the log is in the message. Device: the compiler is broken.</exception>
    public (byte[] Image, string Log) Compile(
        string name, string source, IReadOnlyList<(string Name, string Text)> headers, IReadOnlyList<string> options, bool wantsPtx)
    {
        using var strings = new NativeStrings();
        nint program;
        Check(
            _createProgram(
                &program,
                strings.Add(source),
                strings.Add(name),
                headers.Count,
                strings.AddAll(headers.Select(h => h.Text)),
                strings.AddAll(headers.Select(h => h.Name))),
            $"nvrtcCreateProgram({name}, {headers.Count} headers)");
        try
        {
            var status = _compileProgram(program, options.Count, strings.AddAll(options));
            var log = Read(program, _getLogSize, _getLog, "nvrtcGetProgramLog");
            var text = Encoding.UTF8.GetString(log).TrimEnd('\0', '\n');
            if (status != 0)
            {
                throw CompilationFailure(status, name, options, text);
            }

            return (wantsPtx ? Read(program, _getPtxSize, _getPtx, "nvrtcGetPTX") : Read(program, _getCubinSize, _getCubin, "nvrtcGetCUBIN"), text);
        }
        finally
        {
            _ = _destroyProgram(&program);
        }
    }

    private LdaeException CompilationFailure(int status, string name, IReadOnlyList<string> options, string log)
    {
        var builtins = status == BuiltinFailure || log.Contains("libnvrtc-builtins", StringComparison.Ordinal);
        return new LdaeException(
            builtins ? ErrorKind.Device : ErrorKind.Run,
            builtins
                ? $"NVRTC {Version} at {Library.Path} does not find its builtins, libnvrtc-builtins.so.{Version}: {log}"
                : $"nvrtcCompileProgram({name}, {string.Join(' ', options)}) failed: {ErrorString(status)} ({status}).\n{log}",
            builtins
                ? $"Put libnvrtc-builtins.so.{Version} of the same version into the folder of {Library.Path}. {Library.Remedy}"
                : status == CompilationFailed
                    ? "The log names file and line: correct the kernel there."
                    : $"Check that NVRTC {Version} supports these options; ldae doctor prints its version and architectures.");
    }

    private byte[] Read(nint program, delegate* unmanaged<nint, nuint*, int> size, delegate* unmanaged<nint, byte*, int> read, string call)
    {
        nuint bytes;
        Check(size(program, &bytes), $"{call}Size()");
        var result = new byte[(int)bytes];
        fixed (byte* to = result)
        {
            Check(bytes == 0 ? 0 : read(program, to), $"{call}({bytes} bytes)");
        }

        return result;
    }

    private int[] ReadArchitectures()
    {
        int count;
        Check(_getNumSupportedArchs(&count), $"nvrtcGetNumSupportedArchs()");
        var found = new int[count];
        fixed (int* to = found)
        {
            Check(_getSupportedArchs(to), $"nvrtcGetSupportedArchs({count})");
        }

        Array.Sort(found);
        return found;
    }

    private string ErrorString(int status) => Marshal.PtrToStringUTF8((nint)_getErrorString(status)) ?? "no description";

    private void Check(int status, [InterpolatedStringHandlerArgument(nameof(status))] ref CallText call)
    {
        if (status != 0)
        {
            throw new LdaeException(ErrorKind.Device, $"{call.Take()} failed: {ErrorString(status)} ({status}).", Library.Remedy);
        }
    }
}
