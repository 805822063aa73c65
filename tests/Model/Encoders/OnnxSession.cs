using LDaeCore.Tests.Cuda;
using Microsoft.ML.OnnxRuntime;

namespace LDaeCore.Tests.Model.Encoders;

/// <summary>ONNX Runtime, whose native library the pack for a GPU machine leaves out: it has 29 MB.</summary>
internal static class OnnxSession
{
    public static InferenceSession Open(string path)
    {
        try
        {
            return new InferenceSession(path);
        }
        catch (Exception e) when (e is TypeInitializationException or DllNotFoundException)
        {
            Requirement.Missing(Requirement.OnnxRuntime, e.Message);
            throw;
        }
    }
}
