/*
 * exact_math.c - see the header for why this is not libm.
 *
 * Sources.  [Knuth97, 1.2.2] for the reductions; [Wichura88], algorithm AS 241,
 * routine PPND7, for the normal quantile: its coefficients stand below.
 */
#include "exact_math.h"

#include <math.h>

static const double LN2_HIGH =
	0x1.62e42feep-1; /* 33 bits: k times it is exact */
static const double LN2_LOW = 0x1.a39ef35793c76p-33;

/* coefficient[0] + coefficient[1] x + ...: n coefficients, Horner's rule. */
static double polynomial(const double *coefficient, int n, double x)
{
	double sum = coefficient[n - 1];

	for (int i = n - 2; i >= 0; i--)
		sum = times_plus(sum, x, coefficient[i]);
	return sum;
}

/* ln x = k ln 2 + ln m with m near 1, and ln m = 2 artanh((m-1)/(m+1)). */
double exact_log(double x)
{
	static const double artanh[] = {1,      1. / 3,  1. / 5,  1. / 7,
	                                1. / 9, 1. / 11, 1. / 13, 1. / 15};
	int k;
	double m = frexp(x, &k);

	if (m < .70710678118654752) {
		m *= 2;
		k--;
	}
	double z = (m - 1) / (m + 1);
	double series = polynomial(artanh, 8, z * z);
	double low = times_plus(k, LN2_LOW, 2 * z * series);
	return times_plus(k, LN2_HIGH, low);
}

/* e^x = 2^k e^r with |r| <= ln(2)/2, and Taylor's series for e^r. */
double exact_exp(double x)
{
	static const double inverse_factorial[] = {1,
	                                           1,
	                                           1. / 2,
	                                           1. / 6,
	                                           1. / 24,
	                                           1. / 120,
	                                           1. / 720,
	                                           1. / 5040,
	                                           1. / 40320,
	                                           1. / 362880,
	                                           1. / 3628800,
	                                           1. / 39916800,
	                                           1. / 479001600};
	double k = floor(times_plus(x, 1.4426950408889634, .5));
	double r = times_plus(-k, LN2_HIGH, x);

	r = times_plus(-k, LN2_LOW, r);
	return ldexp(polynomial(inverse_factorial, 13, r), (int)k);
}

/* AS 241, PPND7: a rational function in the middle, one for each tail. */
double exact_normal_quantile(double p)
{
	static const double middle_over[] = {3.3871327179, 50.434271938,
	                                     159.29113202, 59.109374720};
	static const double middle_under[] = {1, 17.895169469, 78.757757664,
	                                      67.187563600};
	static const double near_over[] = {1.4234372777, 2.7568153900,
	                                   1.3067284816, .17023821103};
	static const double near_under[] = {1, .73700164250, .12021132975};
	static const double far_over[] = {6.6579051150, 3.0812263860,
	                                  .42868294337, .017337203997};
	static const double far_under[] = {1, .24197894225, .012258202635};
	double q = p - .5;

	if (fabs(q) <= .425) {
		double r = times_plus(-q, q, .180625);
		return q * polynomial(middle_over, 4, r) /
		       polynomial(middle_under, 4, r);
	}
	double r = sqrt(-exact_log(q < 0 ? p : 1 - p));
	double z = r <= 5 ? polynomial(near_over, 4, r - 1.6) /
	                            polynomial(near_under, 3, r - 1.6)
	                  : polynomial(far_over, 4, r - 5) /
	                            polynomial(far_under, 3, r - 5);
	return q < 0 ? -z : z;
}
