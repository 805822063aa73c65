namespace LDaeCore.Engine.Interop;

/// <content>Device memory, pinned host memory, copies.</content>
internal sealed unsafe partial class CudaDriver
{
    private delegate* unmanaged<nuint*, nuint*, int> _memGetInfo;
    private delegate* unmanaged<nint*, nuint, nint, int> _memAllocAsync;
    private delegate* unmanaged<nint, nint, int> _memFreeAsync;
    private delegate* unmanaged<nint*, nuint, int> _memAllocHost;
    private delegate* unmanaged<nint, int> _memFreeHost;
    private delegate* unmanaged<nint, void*, nuint, nint, int> _copyToDevice;
    private delegate* unmanaged<void*, nint, nuint, nint, int> _copyToHost;
    private delegate* unmanaged<nint, nint, nuint, nint, int> _copyOnDevice;
    private delegate* unmanaged<nint, byte, nuint, nint, int> _fill8;
    private delegate* unmanaged<nint, ushort, nuint, nint, int> _fill16;
    private delegate* unmanaged<nint, uint, nuint, nint, int> _fill32;

    /// <summary>Free and total bytes of the current context's GPU.</summary>
    public (long Free, long Total) MemoryInfo()
    {
        nuint free, total;
        Check(_memGetInfo(&free, &total), $"cuMemGetInfo()");
        return ((long)free, (long)total);
    }

    /// <summary>Allocates device memory in the stream's order.</summary>
    public nint Allocate(long bytes, StreamHandle stream)
    {
        nint address;
        Check(_memAllocAsync(&address, (nuint)bytes, stream.Value), $"cuMemAllocAsync({bytes} bytes, {stream})");
        return address;
    }

    /// <summary>Frees device memory in the stream's order.</summary>
    public void Free(nint address, StreamHandle stream) => Check(_memFreeAsync(address, stream.Value), $"cuMemFreeAsync(0x{address:x}, {stream})");

    /// <summary>Page-locked host memory, for asynchronous copies.</summary>
    public nint AllocatePinned(long bytes)
    {
        nint address;
        Check(_memAllocHost(&address, (nuint)bytes), $"cuMemAllocHost({bytes} bytes)");
        return address;
    }

    /// <summary>Frees page-locked memory.</summary>
    public void FreePinned(nint address) => Check(_memFreeHost(address), $"cuMemFreeHost(0x{address:x})");

    /// <summary>Host to device.</summary>
    public void CopyToDevice(nint to, void* from, long bytes, StreamHandle stream) =>
        Check(_copyToDevice(to, from, (nuint)bytes, stream.Value), $"cuMemcpyHtoDAsync(0x{to:x}, {bytes} bytes, {stream})");

    /// <summary>Device to host.</summary>
    public void CopyToHost(void* to, nint from, long bytes, StreamHandle stream) =>
        Check(_copyToHost(to, from, (nuint)bytes, stream.Value), $"cuMemcpyDtoHAsync(0x{from:x}, {bytes} bytes, {stream})");

    /// <summary>Within the device.</summary>
    public void CopyOnDevice(nint to, nint from, long bytes, StreamHandle stream) =>
        Check(_copyOnDevice(to, from, (nuint)bytes, stream.Value), $"cuMemcpyDtoDAsync(0x{to:x}, 0x{from:x}, {bytes} bytes, {stream})");

    /// <summary>Sets bytes.</summary>
    public void Fill8(nint address, byte value, long count, StreamHandle stream) =>
        Check(_fill8(address, value, (nuint)count, stream.Value), $"cuMemsetD8Async(0x{address:x}, {value}, {count}, {stream})");

    /// <summary>Sets 16-bit words.</summary>
    public void Fill16(nint address, ushort value, long count, StreamHandle stream) =>
        Check(_fill16(address, value, (nuint)count, stream.Value), $"cuMemsetD16Async(0x{address:x}, {value}, {count}, {stream})");

    /// <summary>Sets 32-bit words.</summary>
    public void Fill32(nint address, uint value, long count, StreamHandle stream) =>
        Check(_fill32(address, value, (nuint)count, stream.Value), $"cuMemsetD32Async(0x{address:x}, {value}, {count}, {stream})");

    private void BindMemory()
    {
        _memGetInfo = (delegate* unmanaged<nuint*, nuint*, int>)Library.Export("cuMemGetInfo_v2");
        _memAllocAsync = (delegate* unmanaged<nint*, nuint, nint, int>)Library.Export("cuMemAllocAsync");
        _memFreeAsync = (delegate* unmanaged<nint, nint, int>)Library.Export("cuMemFreeAsync");
        _memAllocHost = (delegate* unmanaged<nint*, nuint, int>)Library.Export("cuMemAllocHost_v2");
        _memFreeHost = (delegate* unmanaged<nint, int>)Library.Export("cuMemFreeHost");
        _copyToDevice = (delegate* unmanaged<nint, void*, nuint, nint, int>)Library.Export("cuMemcpyHtoDAsync_v2");
        _copyToHost = (delegate* unmanaged<void*, nint, nuint, nint, int>)Library.Export("cuMemcpyDtoHAsync_v2");
        _copyOnDevice = (delegate* unmanaged<nint, nint, nuint, nint, int>)Library.Export("cuMemcpyDtoDAsync_v2");
        _fill8 = (delegate* unmanaged<nint, byte, nuint, nint, int>)Library.Export("cuMemsetD8Async");
        _fill16 = (delegate* unmanaged<nint, ushort, nuint, nint, int>)Library.Export("cuMemsetD16Async");
        _fill32 = (delegate* unmanaged<nint, uint, nuint, nint, int>)Library.Export("cuMemsetD32Async");
    }
}
