using LDaeCore.Engine.Errors;

namespace LDaeCore.Tests;

/// <summary>Errors keep what a user needs.</summary>
public sealed class LdaeExceptionTests
{
    [NUnit.Framework.Test]
    public void An_error_carries_its_kind_and_its_remedy()
    {
        var error = new LdaeException(ErrorKind.Data, "missing", "make it");
        NUnit.Framework.Assert.That((error.Kind, error.Remedy), NUnit.Framework.Is.EqualTo((ErrorKind.Data, "make it")));
    }
}
