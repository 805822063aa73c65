using System.Runtime.InteropServices;

namespace LDaeCore.Engine.Interop;

/// <summary>Zero-terminated UTF-8 copies of strings for the length of a native call.</summary>
internal sealed unsafe class NativeStrings : IDisposable
{
    private readonly List<nint> _owned = [];

    /// <summary>A copy of a text.</summary>
    public byte* Add(string text)
    {
        var copy = Marshal.StringToCoTaskMemUTF8(text);
        _owned.Add(copy);
        return (byte*)copy;
    }

    /// <summary>An array of copies.</summary>
    public byte** AddAll(IEnumerable<string> texts)
    {
        var copies = texts.Select(text => (nint)Add(text)).ToArray();
        var array = Marshal.AllocCoTaskMem(Math.Max(1, copies.Length) * sizeof(nint));
        _owned.Add(array);
        Marshal.Copy(copies, 0, array, copies.Length);
        return (byte**)array;
    }

    /// <summary>Frees the copies.</summary>
    public void Dispose()
    {
        _owned.ForEach(Marshal.FreeCoTaskMem);
        _owned.Clear();
    }
}
