using System.Runtime.InteropServices;
using System.Text;

namespace LDaeCore.Engine.Interop;

/// <content>Devices and their contexts.</content>
internal sealed unsafe partial class CudaDriver
{
    private delegate* unmanaged<uint, int> _init;
    private delegate* unmanaged<int*, int> _driverGetVersion;
    private delegate* unmanaged<int*, int> _deviceGetCount;
    private delegate* unmanaged<int*, int, int> _deviceGet;
    private delegate* unmanaged<byte*, int, int, int> _deviceGetName;
    private delegate* unmanaged<int*, int, int, int> _deviceGetAttribute;
    private delegate* unmanaged<nuint*, int, int> _deviceTotalMemory;
    private delegate* unmanaged<nint*, int, int> _primaryContextRetain;
    private delegate* unmanaged<int, int> _primaryContextRelease;
    private delegate* unmanaged<nint, int> _contextSetCurrent;

    /// <summary>CUDA version the driver supports, 1000 major + 10 minor.</summary>
    public int Version
    {
        get
        {
            int version;
            Check(_driverGetVersion(&version), $"cuDriverGetVersion()");
            return version;
        }
    }

    /// <summary>Number of GPUs.</summary>
    public int DeviceCount
    {
        get
        {
            int count;
            Check(_deviceGetCount(&count), $"cuDeviceGetCount()");
            return count;
        }
    }

    /// <summary>The driver's number of the nth GPU.</summary>
    public int Device(int ordinal)
    {
        int device;
        Check(_deviceGet(&device, ordinal), $"cuDeviceGet(ordinal {ordinal})");
        return device;
    }

    /// <summary>A GPU's name.</summary>
    public string DeviceName(int device)
    {
        const int Length = 256;
        var text = stackalloc byte[Length];
        Check(_deviceGetName(text, Length, device), $"cuDeviceGetName(device {device})");
        return Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));
    }

    /// <summary>An attribute of a GPU.</summary>
    public int DeviceNumber(DeviceNumber number, int device)
    {
        int value;
        Check(_deviceGetAttribute(&value, (int)number, device), $"cuDeviceGetAttribute({number}, device {device})");
        return value;
    }

    /// <summary>Bytes of a GPU's memory.</summary>
    public long DeviceMemory(int device)
    {
        nuint bytes;
        Check(_deviceTotalMemory(&bytes, device), $"cuDeviceTotalMem(device {device})");
        return (long)bytes;
    }

    /// <summary>The GPU's primary context, shared in the process.</summary>
    public ContextHandle RetainPrimaryContext(int device)
    {
        nint context;
        Check(_primaryContextRetain(&context, device), $"cuDevicePrimaryCtxRetain(device {device})");
        return new ContextHandle(this, context, device);
    }

    /// <summary>Makes a context the calling thread's.</summary>
    public void SetCurrent(ContextHandle context) =>
        Check(_contextSetCurrent(context.DangerousGetHandle()), $"cuCtxSetCurrent({context})");

    internal void ReleasePrimaryContext(int device) => _ = _primaryContextRelease(device);

    private void BindDevices()
    {
        _init = (delegate* unmanaged<uint, int>)Library.Export("cuInit");
        _driverGetVersion = (delegate* unmanaged<int*, int>)Library.Export("cuDriverGetVersion");
        _deviceGetCount = (delegate* unmanaged<int*, int>)Library.Export("cuDeviceGetCount");
        _deviceGet = (delegate* unmanaged<int*, int, int>)Library.Export("cuDeviceGet");
        _deviceGetName = (delegate* unmanaged<byte*, int, int, int>)Library.Export("cuDeviceGetName");
        _deviceGetAttribute = (delegate* unmanaged<int*, int, int, int>)Library.Export("cuDeviceGetAttribute");
        _deviceTotalMemory = (delegate* unmanaged<nuint*, int, int>)Library.Export("cuDeviceTotalMem_v2");
        _primaryContextRetain = (delegate* unmanaged<nint*, int, int>)Library.Export("cuDevicePrimaryCtxRetain");
        _primaryContextRelease = (delegate* unmanaged<int, int>)Library.Export("cuDevicePrimaryCtxRelease_v2");
        _contextSetCurrent = (delegate* unmanaged<nint, int>)Library.Export("cuCtxSetCurrent");
    }

    private void Initialize() => Check(_init(0), $"cuInit(0)");
}
