namespace LDaeCore.Runner.Commands;

/// <summary>What an encoder is exported as.</summary>
internal enum ExportFormat
{
    /// <summary>A folder that timm's VisionTransformer loads.</summary>
    Timm,

    /// <summary>One ONNX file.</summary>
    Onnx,
}
