using System.Text;
using LDaeCore.Model.Encoders;
using LDaeCore.Tests.Model.Encoders;
using NUnit.Framework;

namespace LDaeCore.Tests.Fuzzing;

/// <summary>ViTs from elsewhere, broken in thousands of ways.</summary>
public sealed class EncoderFuzzTests : FolderPerTest
{
    [Test]
    public void Weights_of_a_vit()
    {
        TimmFolder.Write(Folder.Path, VitFileTests.Random());
        var path = Folder[TimmFolder.ModelFile];
        File.Delete(Folder["config.json"]);
        Fuzz.Run(2000, [File.ReadAllBytes(path)], bytes =>
        {
            File.WriteAllBytes(path, bytes);
            VitFile.Read(path);
        });
    }

    [Test]
    public void Config_beside_a_vit()
    {
        TimmFolder.Write(Folder.Path, VitFileTests.Random());
        var path = Folder["config.json"];
        Fuzz.Run(
            2000,
            [
                File.ReadAllBytes(path),
                Encoding.UTF8.GetBytes("""{"architecture":"vit","model_args":{"num_heads":2},"pretrained_cfg":{"mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5]}}""")],
            bytes =>
        {
            File.WriteAllBytes(path, bytes);
            VitFile.Read(Folder.Path);
        });
    }
}
