/*
 * exact_math.h - logarithm, exponential and normal quantile with the same last
 * bit on every machine.
 *
 * libm's log and exp may differ in the last bit between versions, and one bit
 * is enough to move a size across a rounding boundary: the same seed would then
 * give two traces.  These use only + - * / and sqrt, which IEEE 754 defines to
 * the bit.  A compiler may still fuse a * b + c into one rounding where it
 * stands in one expression, so products are stored before they are added to.
 *
 * Relative error below 1e-13; the quantile is within 1e-6, which is far below the
 * resolution of an integer size.  Not for infinities or NaN.
 */
#ifndef HARNESS_GENERATE_EXACT_MATH_H
#define HARNESS_GENERATE_EXACT_MATH_H

/* a * b + c, rounded twice. */
static inline double times_plus(double a, double b, double c)
{
	double product = a * b;
	return product + c;
}

/* The natural logarithm; x > 0. */
double exact_log(double x);

/* e^x for |x| < 700. */
double exact_exp(double x);

/* The z with P(normal variate < z) = p; 0 < p < 1. */
double exact_normal_quantile(double p);

#endif
