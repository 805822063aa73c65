using System.Runtime.InteropServices;

namespace LDaeCore.Engine.Interop;

/// <summary>An object of cuBLASLt (library handle, product, layout).</summary>
internal sealed class CublasLtHandle : SafeHandle
{
    private readonly Func<nint, int> _destroy;

    public CublasLtHandle(nint value, Func<nint, int> destroy)
        : base(0, ownsHandle: true)
    {
        _destroy = destroy;
        SetHandle(value);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>The library's pointer.</summary>
    public nint Value => handle;

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => _destroy(handle) == 0;
}
